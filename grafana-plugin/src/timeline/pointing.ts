import type { EpochMs } from '../format/format.ts';
import type { Lane, Tide, TideEvent } from './tide.ts';
import { endOf, type LaneLayout, type Mark, type TideLayout } from './timeline.ts';
import type { TimeRange } from './time-scale.ts';

/** What lies under a pointer. */
export interface Hit {
  readonly at: EpochMs;
  /** Absent above and below the lanes. */
  readonly lane?: LaneLayout;
  readonly mark?: Mark;
}

/** How far beside a mark a pointer still means it: with it even the narrowest is 24 pixels wide, as WCAG 2.2 asks. */
const slack = 11;

export function hitAt(layout: TideLayout, x: number, y: number): Hit {
  const at = layout.scale.at(x);
  const lane = layout.lanes[Math.floor((y - layout.lanesTop) / layout.laneHeight)];
  if (lane === undefined) return { at };
  const mark = nearestMark(lane.marks, x);
  return mark === undefined ? { at, lane } : { at, lane, mark };
}

/** The nearest within reach; of several under the pointer the narrowest, which could not be reached otherwise. */
function nearestMark(marks: readonly Mark[], x: number): Mark | undefined {
  let nearest: { readonly mark: Mark; readonly distance: number } | undefined;
  for (const mark of marks) {
    const distance = Math.max(0, mark.x - x, x - mark.x - mark.width);
    if (distance > slack) continue;
    const isNearer =
      nearest === undefined ||
      distance < nearest.distance ||
      (distance === nearest.distance && mark.width < nearest.mark.width);
    if (isNearer) nearest = { mark, distance };
  }
  return nearest?.mark;
}

/** By the keys with arrows, and Home and End. */
export type Move = 'earlier' | 'later' | 'up' | 'down' | 'first' | 'last';

interface Stop {
  readonly lane: number;
  readonly event: TideEvent;
}

/**
 * The key of the event that the keyboard goes to, among those that are shown; `current` is undefined before the first,
 * or names one that is gone. Within a lane by time; up and down to the event nearest in time of the next lane that has any.
 */
export function focusAfter(
  tide: Tide,
  range: TimeRange,
  now: EpochMs,
  current: string | undefined,
  move: Move,
): string | undefined {
  const shown = (lane: Lane): TideEvent[] =>
    lane.events.filter((event) => event.start < range.until && endOf(event, now) >= range.from);
  const here = stopOf(tide.lanes, current);
  if (here === undefined) {
    const lanes = move === 'last' ? [...tide.lanes].reverse() : tide.lanes;
    for (const lane of lanes) {
      const stop = shown(lane).at(move === 'last' ? -1 : 0);
      if (stop !== undefined) return stop.key;
    }
    return undefined;
  }
  if (move === 'up' || move === 'down') {
    const step = move === 'up' ? -1 : 1;
    for (let index = here.lane + step; index >= 0 && index < tide.lanes.length; index += step) {
      const lane = tide.lanes[index];
      const nearest = lane === undefined ? undefined : nearestInTime(shown(lane), here.event.start);
      if (nearest !== undefined) return nearest.key;
    }
    return current;
  }
  const lane = tide.lanes[here.lane];
  const events = lane === undefined ? [] : shown(lane);
  const place = events.indexOf(here.event);
  const target = {
    first: 0,
    last: events.length - 1,
    earlier: Math.max(0, place - 1),
    later: Math.min(events.length - 1, place + 1),
  }[move];
  return events[target]?.key ?? current;
}

function stopOf(lanes: readonly Lane[], key: string | undefined): Stop | undefined {
  if (key === undefined) return undefined;
  for (const [lane, { events }] of lanes.entries()) {
    const event = events.find((candidate) => candidate.key === key);
    if (event !== undefined) return { lane, event };
  }
  return undefined;
}

function nearestInTime(events: readonly TideEvent[], at: EpochMs): TideEvent | undefined {
  let nearest: TideEvent | undefined;
  for (const event of events) {
    if (nearest === undefined || Math.abs(event.start - at) < Math.abs(nearest.start - at)) nearest = event;
  }
  return nearest;
}
