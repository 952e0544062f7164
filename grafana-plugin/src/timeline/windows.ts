import type { EpochMs } from '../format/format.ts';
import { dayMs, dayOf, minuteMs, zoneOf, type Zone } from './zone.ts';

/** Local times of a schedule, as minutes of the day. One that ends at or before its start reaches over midnight. */
export interface DailyWindow {
  readonly startMinute: number;
  readonly endMinute: number;
  readonly timezone: string;
}

export interface Span {
  readonly start: EpochMs;
  /** Not within it. */
  readonly end: EpochMs;
}

/**
 * Every opening of a window between `from` and `until`, whole, in order, by the rules of the exporter: where clocks
 * skip its start it opens with the skip, where they skip its end it keeps its length, and it never reaches into the
 * next day's.
 */
export function windowsBetween(window: DailyWindow, from: EpochMs, until: EpochMs): Span[] {
  const zone = zoneOf(window.timezone);
  const spans: Span[] = [];
  const last = dayOf(zone.localAt(until)) + 1;
  for (let day = dayOf(zone.localAt(from)) - 2; day <= last; day += 1) {
    const span = windowOn(window, zone, day);
    if (span !== undefined && span.end > from && span.start < until) spans.push(span);
  }
  return spans;
}

function windowOn({ startMinute, endMinute }: DailyWindow, zone: Zone, day: number): Span | undefined {
  const lengthMs = ((endMinute - startMinute + 1440) % 1440 || 1440) * minuteMs;
  // Almost every day is like this, and a chart has thousands of them.
  const startAt = day * dayMs + startMinute * minuteMs;
  const offset = zone.steadyOffset(startAt, startAt + dayMs);
  if (offset !== undefined) return { start: startAt - offset, end: startAt - offset + lengthMs };
  // Samoa went from 2011-12-29 to 2011-12-31: a day that there was not has no window.
  if (zone.first(day * dayMs) >= zone.first((day + 1) * dayMs)) return undefined;
  const start = zone.first(startAt);
  const nextStart = zone.first(startAt + dayMs);
  if (startMinute === endMinute) return { start, end: nextStart };
  return { start, end: Math.min(zone.carried(startAt + lengthMs), nextStart) };
}

/** `02:30` as minutes of the day. */
export function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
