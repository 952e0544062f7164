import { css } from '@emotion/css';
import React from 'react';
import type { Extent } from '../../timeline/time-scale.ts';
import type { TideLayout } from '../../timeline/timeline.ts';
import type { TideColors } from './tide-colors.ts';
import type { Size } from './useSize.ts';

export interface TideOverlayProps {
  readonly size: Size;
  readonly gutter: number;
  readonly layout: TideLayout;
  readonly loadHeight: number;
  readonly axisHeight: number;
  /** Where the pointer is on the axis. */
  readonly at: number | undefined;
  /** What is being chosen by dragging. */
  readonly selection: Extent | undefined;
  readonly nowText: string;
  readonly colors: TideColors;
}

/** What lies over everything: now, where the pointer is, and what is being chosen. */
export function TideOverlay(props: TideOverlayProps): React.ReactElement {
  const { size, gutter, layout, loadHeight, axisHeight, at, selection, nowText, colors } = props;
  const { nowX, scale } = layout;
  const isOnAxis = at !== undefined && at >= 0 && at <= scale.width;
  return (
    <svg className={styles.overlay} width={size.width} height={size.height} aria-hidden="true">
      <g transform={`translate(${gutter},0)`}>
        {isOnAxis && (
          <line x1={at} x2={at} y1={0} y2={size.height} stroke={colors.faint} strokeDasharray="2 3" />
        )}
        {selection !== undefined && (
          <rect
            x={selection.x}
            y={0}
            width={selection.width}
            height={size.height}
            fill={colors.text}
            fillOpacity={0.12}
          />
        )}
        {nowX !== undefined && (
          <g>
            <line x1={nowX} x2={nowX} y1={0} y2={size.height} stroke={colors.now} strokeWidth={1.5} />
            <NowLabel
              x={nowX}
              y={loadHeight + axisHeight / 2}
              text={nowText}
              width={scale.width}
              colors={colors}
            />
          </g>
        )}
      </g>
    </svg>
  );
}

function NowLabel(props: {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  /** Of the axis, beyond which it must not reach. */
  readonly width: number;
  readonly colors: TideColors;
}): React.ReactElement {
  const { x, y, text, width, colors } = props;
  const half = text.length * 3.5 + 6;
  const middle = Math.min(width - half, Math.max(half, x));
  return (
    <>
      <rect x={middle - half} y={y - 8} width={2 * half} height={16} rx={8} fill={colors.now} />
      <text
        x={middle}
        y={y}
        dy="0.35em"
        textAnchor="middle"
        fontSize={11}
        fontWeight={500}
        fill={colors.ground}
      >
        {text}
      </text>
    </>
  );
}

const styles = { overlay: css({ position: 'absolute', top: 0, left: 0, pointerEvents: 'none' }) };
