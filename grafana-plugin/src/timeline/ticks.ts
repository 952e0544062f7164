import type { EpochMs, Format } from '../format/format.ts';
import type { TimeRange } from './time-scale.ts';
import { dayMs, dayOf, hourMs, minuteMs, zoneOf, type Zone } from './zone.ts';

export interface Tick {
  readonly at: EpochMs;
  /** Days and months stand out from times. */
  readonly kind: 'time' | 'day' | 'month';
  /** Clocks show this time for the second time, for they were set back. */
  readonly isRepeated: boolean;
}

const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * minuteMs);
const daySteps = [1, 2, 7, 14];
const monthSteps = [1, 3, 6, 12, 24, 60, 120];

/**
 * Ticks at round local times, by about as many steps as `most` allows. A day begins at its first moment, which is not
 * always 00:00; on a night on which clocks are set back a time may have two ticks, and a skipped one has none.
 */
export function ticksOf({ from, until }: TimeRange, timezone: string, most: number): Tick[] {
  const zone = zoneOf(timezone);
  const shortest = (until - from) / Math.max(1, most);
  const ticks = (): Tick[] => {
    const timeStep = timeSteps.find((step) => step >= shortest);
    if (timeStep !== undefined) return timesWithin(zone, from, until, timeStep);
    const dayStep = daySteps.find((days) => days * dayMs >= shortest);
    if (dayStep !== undefined) return daysWithin(zone, from, until, dayStep);
    const months = monthSteps.find((count) => count * 28 * dayMs >= shortest) ?? 120;
    return monthsWithin(zone, from, until, months);
  };
  return ticks().filter(({ at }) => at >= from && at <= until);
}

export function tickLabel({ at, kind, isRepeated }: Tick, timezone: string, format: Format): string {
  if (kind === 'month') return format.month(at);
  if (kind === 'day') return format.day(at);
  return isRepeated ? `${format.time(at)} ${offsetName(zoneOf(timezone).offsetAt(at))}` : format.time(at);
}

function timesWithin(zone: Zone, from: EpochMs, until: EpochMs, step: number): Tick[] {
  const first = dayOf(zone.localAt(from));
  const last = dayOf(zone.localAt(until));
  const ticks: Tick[] = [];
  for (let day = first; day <= last; day += 1) {
    const start = zone.first(day * dayMs);
    ticks.push({ at: start, kind: 'day', isRepeated: false });
    // A minute step over a day that is mostly out of sight would be long for nothing.
    const skipped = Math.max(step, Math.floor((from - start - 2 * hourMs) / step) * step);
    for (let local = day * dayMs + skipped; local < (day + 1) * dayMs; local += step) {
      const moments = zone.moments(local);
      if ((moments[0] ?? 0) > until) break;
      moments.forEach((at, index) => {
        if (at !== start) ticks.push({ at, kind: 'time', isRepeated: index > 0 });
      });
    }
  }
  return ticks.sort((a, b) => a.at - b.at);
}

function daysWithin(zone: Zone, from: EpochMs, until: EpochMs, step: number): Tick[] {
  // 1970-01-01 was a Thursday: weeks begin on Monday.
  const aligned = (day: number): boolean => (day + 3) % step === 0;
  const last = dayOf(zone.localAt(until));
  const ticks: Tick[] = [];
  for (let day = dayOf(zone.localAt(from)); day <= last; day += 1) {
    if (aligned(day)) ticks.push({ at: zone.first(day * dayMs), kind: 'day', isRepeated: false });
  }
  return ticks;
}

function monthsWithin(zone: Zone, from: EpochMs, until: EpochMs, step: number): Tick[] {
  const start = new Date(zone.localAt(from));
  const first = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / step) * step;
  const ticks: Tick[] = [];
  for (let month = first; ; month += step) {
    const at = zone.first(Date.UTC(Math.floor(month / 12), month % 12));
    if (at > until) return ticks;
    ticks.push({ at, kind: 'month', isRepeated: false });
  }
}

/** `UTC+1`, `UTC−3:30` */
function offsetName(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / minuteMs);
  const rest = minutes % 60;
  const size = `${Math.floor(minutes / 60)}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
  return `UTC${offsetMs < 0 ? '−' : '+'}${size}`;
}
