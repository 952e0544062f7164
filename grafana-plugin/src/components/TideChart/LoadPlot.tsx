import React from 'react';
import type { Words } from '../../words/useWords.ts';
import type { LoadShape } from '../../timeline/load-path.ts';
import type { TideColors } from './tide-colors.ts';

export interface LoadPlotProps {
  readonly shapes: readonly LoadShape[];
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly words: Words;
  readonly colors: TideColors;
}

const marks = [0, 0.5, 1];

/** Up to now what was measured, from then on what is expected, in the band where it will probably lie. */
export const LoadPlot = React.memo(function LoadPlot(props: LoadPlotProps): React.ReactElement {
  const { shapes, width, height, top, words, colors } = props;
  return (
    <g>
      {marks.map((share) => {
        const y = top + (1 - share) * height;
        return (
          <g key={share}>
            <line x1={0} x2={width} y1={y} y2={y} stroke={colors.grid} shapeRendering="crispEdges" />
            <text x={-8} y={y} dy="0.32em" textAnchor="end" fill={colors.faint} fontSize={11}>
              {words.format.percent(share)}
            </text>
          </g>
        );
      })}
      {/* Lines run on by a step beyond what is shown. */}
      <svg width={width} height={top + height + 2}>
        {shapes.map(({ resource, area, band, expected, measured }) => {
          const color = colors.load[resource];
          return (
            <g key={resource} data-resource={resource}>
              <path d={area} fill={color} fillOpacity={shapes.length > 1 ? 0.06 : 0.16} />
              <path d={band} fill={color} fillOpacity={shapes.length > 1 ? 0.14 : 0.26} />
              <path d={expected} fill="none" stroke={color} strokeWidth={1.5} strokeDasharray="4 3" />
              <path
                d={measured}
                fill="none"
                stroke={color}
                strokeWidth={1.5}
                strokeLinecap="round"
                strokeLinejoin="round"
              />
            </g>
          );
        })}
      </svg>
    </g>
  );
});
