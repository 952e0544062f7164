import type { Window } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import { dayMs, dayOf, minuteMs, zoneOf, type Zone } from './zone.ts';

/**
 * When a window is open, over days on which clocks are set:
 *
 * - It opens at the first moment at which clocks show its start. Where they skip that time, it opens with the skip
 *   (02:30 on a night that goes from 02:00 to 03:00: at 03:00).
 * - It closes at the first moment at which they show its end; where they skip that, as much later as they skipped, so
 *   that a window in the middle of a skip is not over before it began.
 * - It never lasts into the next day's, and a day that a zone left out altogether has none.
 */
export interface OpenWindow {
  readonly start: EpochMs;
  /** The window is closed at this moment. Always later than `start`. */
  readonly end: EpochMs;
}

/** Whether a window is open at `at`. */
export function isInside(window: Window, timezone: string, at: EpochMs): boolean {
  return windowsBetween(window, timezone, at, at + 1).length > 0;
}

/** Every window that is open at some moment from `from` up to, not including, `to`: whole, in order. */
export function windowsBetween(window: Window, timezone: string, from: EpochMs, to: EpochMs): OpenWindow[] {
  const zone = zoneOf(timezone);
  const windows: OpenWindow[] = [];
  // The day before may reach over midnight; a skip may move a start to the day behind.
  const lastDay = dayOf(zone.localAt(to)) + 1;
  for (let day = dayOf(zone.localAt(from)) - 2; day <= lastDay; day += 1) {
    const open = windowOn(window, zone, day);
    if (open !== undefined && open.end > from && open.start < to) windows.push(open);
  }
  return windows;
}

/** The window that opens on a day (days since 1970-01-01). */
export function windowOn(window: Window, zone: Zone, day: number): OpenWindow | undefined {
  if (!zone.hasDay(day)) return undefined;
  const startAt = day * dayMs + window.startMinute * minuteMs;
  const start = zone.first(startAt);
  const nextStart = zone.first(startAt + dayMs);
  const endsNextDay = window.endMinute <= window.startMinute;
  const end = zone.carried((day + (endsNextDay ? 1 : 0)) * dayMs + window.endMinute * minuteMs);
  const wholeDay = window.startMinute === window.endMinute;
  return { start, end: wholeDay ? nextStart : Math.min(end, nextStart) };
}

/** How long the window is on a day without changes of the clock. */
export function windowLengthMs({ startMinute, endMinute }: Window): number {
  return (endMinute > startMinute ? endMinute - startMinute : endMinute - startMinute + 1440) * minuteMs;
}
