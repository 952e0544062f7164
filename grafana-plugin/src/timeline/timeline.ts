import type { EpochMs, Format } from '../format/format.ts';
import { placeLabels } from './labels.ts';
import { loadShape, type LoadPlot, type LoadShape } from './load-path.ts';
import type { Lane, Tide, TideEvent } from './tide.ts';
import { tickLabel, ticksOf, type Tick } from './ticks.ts';
import { extentOf, timeScale, type Extent, type TimeRange, type TimeScale } from './time-scale.ts';
import { windowsBetween } from './windows.ts';

/**
 * Where everything of the tide chart lies, in pixels: the load above, below it one lane per schedule, all on one axis
 * of time. It is laid out anew when the range, the size or the answers change; scrolling only picks other lanes.
 */
export interface TideLayout {
  readonly scale: TimeScale;
  readonly ticks: readonly PlacedTick[];
  readonly load: readonly LoadShape[];
  /** From top to bottom, all of the same height; `lanesBetween` picks those in sight. */
  readonly lanes: readonly LaneLayout[];
  readonly lanesTop: number;
  readonly laneHeight: number;
  /** Of all lanes; the chart scrolls where it is higher than its room. */
  readonly height: number;
  /** The now line; undefined where now is out of sight. */
  readonly nowX: number | undefined;
}

export interface PlacedTick extends Tick {
  readonly x: number;
  /** Absent where it would overlap another. */
  readonly label?: { readonly text: string; readonly left: number; readonly width: number };
}

export interface LaneLayout {
  readonly lane: Lane;
  readonly y: number;
  /** Its windows: light tracks, whole over midnight. */
  readonly tracks: readonly Extent[];
  /** By `x`. */
  readonly marks: readonly Mark[];
  /** The latest starts of what is planned. */
  readonly deadlines: readonly number[];
}

/** A run or a chosen slot. Never narrower than can be seen. */
export interface Mark extends Extent {
  readonly event: TideEvent;
}

export interface TideView {
  readonly range: TimeRange;
  /** The dashboard's, an IANA name. */
  readonly timezone: string;
  readonly now: EpochMs;
  readonly width: number;
  readonly plot: LoadPlot;
  readonly lanesTop: number;
  readonly laneHeight: number;
  readonly format: Format;
  readonly textWidth: (text: string) => number;
}

const narrowestMark = 3;
const tickDistance = 80;
const labelGap = 8;

/** Fast enough to be done while zooming: 500 schedules over four days take a few milliseconds. */
export function layoutTide(tide: Tide, view: TideView): TideLayout {
  const { range, now, width, lanesTop, laneHeight } = view;
  const scale = timeScale(range, width);
  return {
    scale,
    ticks: placeTicks(scale, view),
    load: tide.load.map((load) => loadShape(load, scale, view.plot)),
    lanes: tide.lanes.map((lane, index) => layoutLane(lane, lanesTop + index * laneHeight, scale, now)),
    lanesTop,
    laneHeight,
    height: tide.lanes.length * laneHeight,
    nowX: now >= range.from && now <= range.until ? scale.x(now) : undefined,
  };
}

/** The lanes that are at least partly between two heights: those that have to be drawn. */
export function lanesBetween(
  { lanes, lanesTop, laneHeight }: TideLayout,
  top: number,
  bottom: number,
): readonly LaneLayout[] {
  const first = Math.max(0, Math.floor((top - lanesTop) / laneHeight));
  return lanes.slice(first, Math.max(first, Math.ceil((bottom - lanesTop) / laneHeight)));
}

function layoutLane(lane: Lane, y: number, scale: TimeScale, now: EpochMs): LaneLayout {
  const marks: Mark[] = [];
  const deadlines: number[] = [];
  for (const event of lane.events) {
    const extent = extentOf(scale, event.start, endOf(event, now));
    if (extent !== undefined) {
      marks.push({ event, x: extent.x, width: Math.max(narrowestMark, extent.width) });
    }
    if (event.kind === 'planned' && event.deadline >= scale.from && event.deadline < scale.until) {
      deadlines.push(scale.x(event.deadline));
    }
  }
  const spans = lane.window === undefined ? [] : windowsBetween(lane.window, scale.from, scale.until);
  return {
    lane,
    y,
    tracks: spans.flatMap(({ start, end }) => extentOf(scale, start, end) ?? []),
    marks: marks.sort((a, b) => a.x - b.x),
    deadlines,
  };
}

/** What goes on lasts until now; what a clock that was set back has ended before it began, no time. */
export function endOf(event: TideEvent, now: EpochMs): EpochMs {
  return Math.max(event.start, event.end ?? now);
}

function placeTicks(scale: TimeScale, { timezone, format, textWidth }: TideView): PlacedTick[] {
  const ticks = ticksOf(scale, timezone, scale.width / tickDistance);
  const labels = ticks.map((tick) => {
    const text = tickLabel(tick, timezone, format);
    return { tick, text, x: scale.x(tick.at), width: textWidth(text), weight: tick.kind === 'time' ? 0 : 1 };
  });
  const placed = placeLabels(labels, { from: 0, until: scale.width, gap: labelGap });
  const lefts = new Map(placed.map(({ label, left }) => [label.tick, left]));
  return labels.map(({ tick, text, x, width }) => {
    const left = lefts.get(tick);
    return { ...tick, x, ...(left !== undefined && { label: { text, left, width } }) };
  });
}
