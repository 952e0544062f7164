/** How the room of the chart is shared out, in pixels. */
export interface TideSizes {
  /** For the names of the schedules, left of the axis. */
  readonly gutter: number;
  /** From the gutter to where the lanes' scroll bar may lie. */
  readonly axisWidth: number;
  /** 0 where there is no room for the load. */
  readonly loadHeight: number;
  readonly axisHeight: number;
  readonly lanesHeight: number;
  readonly laneHeight: number;
}

export type LaneSize = 'compact' | 'normal' | 'roomy';

const laneHeights: Readonly<Record<LaneSize, number>> = { compact: 20, normal: 28, roomy: 40 };

const scrollBar = 12;
const axisHeight = 24;
const least = { gutter: 64, axis: 120, load: 56, lanes: 60 };
const most = { gutter: 220, load: 150 };

export function tideSizes(
  room: { readonly width: number; readonly height: number },
  laneSize: LaneSize,
  lanes: number,
  longestName: number,
  hasLoad: boolean,
): TideSizes {
  const laneHeight = laneHeights[laneSize];
  const wanted = Math.min(most.gutter, Math.max(least.gutter, longestName + 40));
  const gutter = Math.round(Math.min(wanted, Math.max(least.gutter, room.width * 0.3)));
  const loadHeight = hasLoad ? loadHeightIn(room.height - axisHeight, lanes * laneHeight) : 0;
  return {
    gutter,
    axisWidth: Math.max(least.axis, Math.floor(room.width) - gutter - scrollBar),
    loadHeight,
    axisHeight,
    lanesHeight: Math.max(least.lanes, Math.floor(room.height) - axisHeight - loadHeight),
    laneHeight,
  };
}

/** A quarter, or more where the lanes leave room; nothing where they need it all. */
function loadHeightIn(room: number, lanesWanted: number): number {
  const spare = room - lanesWanted;
  const height = Math.round(Math.min(most.load, Math.max(room / 4, spare)));
  return height < least.load || room - height < least.lanes ? 0 : height;
}
