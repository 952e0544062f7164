import type { ScheduleConfig, Window } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import { parseCron, type CronPattern } from './cron.ts';
import { windowOn, windowsBetween } from './window.ts';
import { dayMs, dayOf, minuteMs, zoneOf, type Zone } from './zone.ts';

/**
 * When a schedule is due. The answer depends on its config alone, never on earlier runs: two processes, or one
 * before and after a restart, name the same occurrences.
 *
 * - `every` of whole days counts days of the calendar in the schedule's zone, and is due when the window of that day
 *   opens (without a window: as the day begins). Days are counted from Monday 1970-01-05, so that 7d means Mondays.
 * - Any other `every` counts elapsed time from the same Monday in UTC: 6h means 00:00, 06:00, 12:00 and 18:00 UTC.
 * - `cron` names times of day in the schedule's zone. One that clocks skip comes as they do; one that they show twice
 *   counts once. Where the hour field begins with `*`, it means every so often: each matching minute that passes
 *   counts, also those shown twice.
 * - A time that falls outside the window waits for the next one to open; when the next time has come by then, that
 *   one takes its place. So `every: 12h` with a window by night means once a night.
 */
export interface Occurrence {
  /** What names the occurrence: strictly increasing, and the same in every process. */
  readonly dueAt: EpochMs;
  /** The earliest start: when the window opens, or `dueAt` where that lies inside it or there is no window. */
  readonly windowStart: EpochMs;
  /** Equal to `windowStart` where there is no window. */
  readonly windowEnd: EpochMs;
  /** The latest start: `windowEnd` and the schedule's max_delay. */
  readonly deadline: EpochMs;
}

export type Recurring = Pick<ScheduleConfig, 'every' | 'cron' | 'window' | 'timezone' | 'max_delay'>;

const firstMonday = 4;

/** Every occurrence that is due later than `after` and not later than `until`, in order. */
export function nextOccurrences(schedule: Recurring, after: EpochMs, until: EpochMs): Occurrence[] {
  const zone = zoneOf(schedule.timezone);
  const { every, window } = schedule;
  if (schedule.cron === undefined && every !== undefined && every % dayMs === 0) {
    return daily(every / dayMs, zone, window, after, until)
      .filter(({ start }) => start > after && start <= until)
      .map(({ start, end }) => occurrence(schedule, start, start, end));
  }
  if (window === undefined) {
    return ticksOf(schedule, zone, after, until).map((tick) => occurrence(schedule, tick, tick, tick));
  }
  return putIntoWindows(schedule, window, zone, after, until);
}

interface Span {
  readonly start: EpochMs;
  readonly end: EpochMs;
}

function daily(
  stepDays: number,
  zone: Zone,
  window: Window | undefined,
  after: EpochMs,
  until: EpochMs,
): Span[] {
  const spans: Span[] = [];
  // One day of margin on each side: a skipped start may move into the next day.
  const earliest = dayOf(zone.localAt(after)) - 1;
  const latest = dayOf(zone.localAt(until)) + 1;
  const first = firstMonday + Math.ceil((earliest - firstMonday) / stepDays) * stepDays;
  for (let day = first; day <= latest; day += stepDays) {
    const whole = windowOn(window ?? { startMinute: 0, endMinute: 0 }, zone, day);
    if (whole !== undefined)
      spans.push(window === undefined ? { start: whole.start, end: whole.start } : whole);
  }
  return spans;
}

function putIntoWindows(
  schedule: Recurring,
  window: Window,
  zone: Zone,
  after: EpochMs,
  until: EpochMs,
): Occurrence[] {
  // From one opening to the next never takes longer than two days and the hours that a clock may be set.
  const horizon = until + 3 * dayMs;
  const windows = windowsBetween(window, schedule.timezone, after, horizon + dayMs);
  const ticks = ticksOf(schedule, zone, after, horizon);
  const occurrences: Occurrence[] = [];
  let next = 0;
  for (const [index, tick] of ticks.entries()) {
    if (tick > until) break;
    while ((windows[next]?.end ?? Infinity) <= tick) next += 1;
    const open = windows[next];
    if (open === undefined) break;
    const start = Math.max(tick, open.start);
    const successor = ticks[index + 1];
    const isOvertaken = start > tick && successor !== undefined && successor <= start;
    if (!isOvertaken) occurrences.push(occurrence(schedule, tick, start, open.end));
  }
  return occurrences;
}

function occurrence(
  schedule: Recurring,
  dueAt: EpochMs,
  windowStart: EpochMs,
  windowEnd: EpochMs,
): Occurrence {
  return { dueAt, windowStart, windowEnd, deadline: windowEnd + schedule.max_delay };
}

/** The times that `cron` or an elapsed `every` names, later than `after` and not later than `until`. */
function ticksOf(schedule: Recurring, zone: Zone, after: EpochMs, until: EpochMs): EpochMs[] {
  if (schedule.cron !== undefined) return cronTicks(patternOf(schedule.cron), zone, after, until);
  if (schedule.every === undefined) throw new RangeError('a schedule needs every or cron');
  return elapsedTicks(schedule.every, after, until);
}

function elapsedTicks(every: number, after: EpochMs, until: EpochMs): EpochMs[] {
  const anchor = firstMonday * dayMs;
  const ticks: EpochMs[] = [];
  for (let count = Math.floor((after - anchor) / every) + 1; anchor + count * every <= until; count += 1) {
    ticks.push(anchor + count * every);
  }
  return ticks;
}

function patternOf(cron: string): CronPattern {
  const parsed = parseCron(cron);
  if ('problem' in parsed) throw new RangeError(`${cron} ${parsed.problem}`);
  return parsed;
}

function cronTicks(pattern: CronPattern, zone: Zone, after: EpochMs, until: EpochMs): EpochMs[] {
  const ticks = new Set<EpochMs>();
  const latest = dayOf(zone.localAt(until)) + 1;
  for (let day = dayOf(zone.localAt(after)) - 1; day <= latest; day += 1) {
    if (!pattern.matchesDay(day) || !zone.hasDay(day)) continue;
    for (const hour of pattern.hours) {
      for (const minute of pattern.minutes) {
        const local = day * dayMs + (hour * 60 + minute) * minuteMs;
        for (const tick of pattern.isPeriodic ? zone.moments(local) : [zone.first(local)]) {
          if (tick > after && tick <= until) ticks.add(tick);
        }
      }
    }
  }
  return [...ticks].sort((a, b) => a - b);
}
