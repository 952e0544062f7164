import React from 'react';
import { placeBeside } from '../../timeline/labels.ts';
import type { Priority, RunEvent, TideEvent } from '../../timeline/tide.ts';
import type { LaneLayout, Mark } from '../../timeline/timeline.ts';
import type { TimeScale } from '../../timeline/time-scale.ts';
import type { Words } from '../../words/useWords.ts';
import { colorOf, type TideColors } from './tide-colors.ts';

export interface LaneMarksProps {
  readonly layout: LaneLayout;
  readonly scale: TimeScale;
  readonly laneHeight: number;
  readonly colors: TideColors;
  readonly words: Words;
  readonly textWidth: (text: string) => number;
  /** The class that lets what is running breathe. */
  readonly runningClass: string;
  /** The event that is pointed at or has the focus. */
  readonly active: string | undefined;
}

/** The weightier, the taller. */
const heights: Readonly<Record<Priority, number>> = { critical: 0.72, high: 0.6, medium: 0.5, low: 0.4 };
const runHeight = 0.36;

/** The windows of one schedule as light tracks, and on them what ran and what is to run. */
export const LaneMarks = React.memo(function LaneMarks(props: LaneMarksProps): React.ReactElement {
  const { layout, scale, laneHeight, colors, words, textWidth, runningClass, active } = props;
  const { lane, y, tracks, marks, deadlines } = layout;
  const middle = y + laneHeight / 2;
  const trackHeight = Math.round(laneHeight * 0.8);
  // Below the label of the time.
  const foot = middle + trackHeight / 2 - 1.5;
  const lefts = labelLefts(marks, scale.width, words, textWidth);
  return (
    <g opacity={lane.isPaused ? 0.5 : 1}>
      {tracks.map(({ x, width }) => (
        <rect
          key={x}
          x={x}
          y={middle - trackHeight / 2}
          width={width}
          height={trackHeight}
          rx={3}
          fill={colors.track}
        />
      ))}
      {deadlines.map((x) => (
        <path
          key={x}
          d={`M${x},${foot + 1.5}v-6`}
          stroke={colors.priority[lane.priority]}
          strokeWidth={1.5}
        />
      ))}
      {marks.map((mark, index) => {
        const { event } = mark;
        const left = lefts[index];
        return (
          <g key={event.key} data-event={event.key}>
            {event.kind === 'planned' && (
              <path
                d={`M${mark.x},${foot}H${Math.max(mark.x, Math.min(scale.width, scale.x(event.deadline)))}`}
                stroke={colors.priority[lane.priority]}
                strokeDasharray="1 2"
              />
            )}
            {active === event.key && event.kind === 'planned' && (
              <OtherTimes event={event} scale={scale} middle={middle} height={trackHeight} colors={colors} />
            )}
            <MarkShape
              mark={mark}
              middle={middle}
              laneHeight={laneHeight}
              color={colorOf(event, lane.priority, colors)}
              priority={lane.priority}
              className={event.kind === 'run' && event.end === undefined ? runningClass : undefined}
              isActive={active === event.key}
              colors={colors}
            />
            {/* What is pointed at is told beside the pointer, and the other times need the room. */}
            {left !== undefined && active !== event.key && (
              <text
                x={left}
                y={middle}
                dy="0.35em"
                fontSize={11}
                fill={isWithin(mark, left) ? colors.onPriority[lane.priority] : colors.text}
              >
                {words.format.time(event.start)}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
});

interface MarkShapeProps {
  readonly mark: Mark;
  readonly middle: number;
  readonly laneHeight: number;
  readonly color: string;
  readonly priority: Priority;
  readonly className: string | undefined;
  readonly isActive: boolean;
  readonly colors: TideColors;
}

function MarkShape(props: MarkShapeProps): React.ReactElement {
  const { mark, middle, laneHeight, color, priority, className, isActive, colors } = props;
  const { event, x, width } = mark;
  const height = Math.round(laneHeight * (event.kind === 'planned' ? heights[priority] : runHeight));
  const top = middle - height / 2;
  return (
    <>
      {isActive && (
        <rect
          x={x - 3}
          y={top - 3}
          width={width + 6}
          height={height + 6}
          rx={4}
          fill="none"
          stroke={colors.text}
          strokeWidth={2}
        />
      )}
      <rect className={className} x={x} y={top} width={width} height={height} rx={2} fill={color} />
      {event.kind === 'run' && (
        <Sign event={event} x={x} middle={middle} color={color} ground={colors.ground} />
      )}
    </>
  );
}

/** What colour alone must not say: a cross where it failed, a stroke where it was stopped. */
function Sign(props: {
  readonly event: RunEvent;
  readonly x: number;
  readonly middle: number;
  readonly color: string;
  readonly ground: string;
}): React.ReactElement | null {
  const { event, x, middle, color, ground } = props;
  const sign = signs[event.run.status];
  if (sign === undefined) return null;
  return (
    <g transform={`translate(${x},${middle})`}>
      <circle r={6} fill={color} stroke={ground} strokeWidth={1.5} />
      <path d={sign} stroke={ground} strokeWidth={1.75} strokeLinecap="round" fill="none" />
    </g>
  );
}

const signs: Readonly<Partial<Record<RunEvent['run']['status'], string>>> = {
  failed: 'M-2.2,-2.2L2.2,2.2M2.2,-2.2L-2.2,2.2',
  interrupted: 'M0,-3V0.5M0,3h0',
  cancelled: 'M-2.5,0H2.5',
};

/** Where it could have been as well: dashed, with the rank of each. */
function OtherTimes(props: {
  readonly event: Extract<TideEvent, { kind: 'planned' }>;
  readonly scale: TimeScale;
  readonly middle: number;
  readonly height: number;
  readonly colors: TideColors;
}): React.ReactElement {
  const { event, scale, middle, height, colors } = props;
  return (
    <>
      {event.slot.alternatives.map(({ start, end }, rank) => {
        const x = scale.x(Date.parse(start));
        const width = Math.max(3, scale.x(Date.parse(end)) - x);
        if (x + width < 0 || x > scale.width) return null;
        return (
          <g key={start}>
            <rect
              x={x}
              y={middle - height / 2}
              width={width}
              height={height}
              rx={2}
              fill="none"
              stroke={colors.text}
              strokeDasharray="3 2"
            />
            <text
              x={x + width / 2}
              y={middle}
              dy="0.35em"
              fontSize={10}
              textAnchor="middle"
              fill={colors.text}
            >
              {rank + 1}
            </text>
          </g>
        );
      })}
    </>
  );
}

function isWithin({ x, width }: Mark, left: number): boolean {
  return left >= x && left < x + width;
}

/** Only what is to come has a label: the past is told by its colour. */
function labelLefts(
  marks: readonly Mark[],
  width: number,
  { format }: Words,
  textWidth: (text: string) => number,
): (number | undefined)[] {
  return placeBeside(
    marks.map(({ event, x, width: markWidth }) => ({
      x,
      width: markWidth,
      label: event.kind === 'planned' ? textWidth(format.time(event.start)) : Infinity,
    })),
    { from: 0, until: width, gap: 4 },
  );
}
