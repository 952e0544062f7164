import React from 'react';
import type { TideLayout } from '../../timeline/timeline.ts';
import type { TideColors } from './tide-colors.ts';

/** Half the room that the word at the now line takes, with some air. */
const nowReach = 24;

export interface TideAxisProps {
  readonly layout: TideLayout;
  readonly top: number;
  readonly height: number;
  /** How far down the grid goes. */
  readonly bottom: number;
  readonly colors: TideColors;
}

/** The time, between the load above and the lanes below; its grid goes through both. */
export const TideAxis = React.memo(function TideAxis(props: TideAxisProps): React.ReactElement {
  const { layout, top, height, bottom, colors } = props;
  const isFree = (left: number, width: number): boolean =>
    layout.nowX === undefined || left > layout.nowX + nowReach || left + width < layout.nowX - nowReach;
  return (
    <g>
      {layout.ticks.map(({ at, kind, x, label }) => (
        <g key={at}>
          <line
            x1={x}
            x2={x}
            y1={0}
            y2={bottom}
            stroke={kind === 'time' ? colors.grid : colors.day}
            shapeRendering="crispEdges"
          />
          {label !== undefined && isFree(label.left, label.width) && (
            <>
              <rect
                x={label.left - 3}
                y={top + 3}
                width={label.width + 6}
                height={height - 6}
                rx={2}
                fill={colors.ground}
              />
              <text
                x={label.left}
                y={top + height / 2}
                dy="0.35em"
                fontSize={11}
                fontWeight={kind === 'time' ? 400 : 500}
                fill={kind === 'time' ? colors.faint : colors.text}
              >
                {label.text}
              </text>
            </>
          )}
        </g>
      ))}
    </g>
  );
});
