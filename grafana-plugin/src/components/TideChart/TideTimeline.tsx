import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, measureText, useStyles2, useTheme2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useId, useMemo, useRef, useState } from 'react';
import type { EpochMs } from '../../format/format.ts';
import { lowTide } from '../../timeline/low-tide.ts';
import { hitAt } from '../../timeline/pointing.ts';
import { inOneBreath, tell } from '../../timeline/telling.ts';
import { eventOf, type Tide, type TideEvent } from '../../timeline/tide.ts';
import { extentOf, type TimeRange } from '../../timeline/time-scale.ts';
import { lanesBetween, layoutTide } from '../../timeline/timeline.ts';
import type { Words } from '../../words/useWords.ts';
import { onlyHeard } from '../only-heard.ts';
import { LaneMarks } from './LaneMarks.tsx';
import { LoadPlot } from './LoadPlot.tsx';
import { tideColors } from './tide-colors.ts';
import { tideSizes, type LaneSize } from './tide-sizes.ts';
import { TideAxis } from './TideAxis.tsx';
import { TideOverlay } from './TideOverlay.tsx';
import { TideTooltip } from './TideTooltip.tsx';
import { useTideKeyboard } from './useTideKeyboard.ts';
import { useTidePointer } from './useTidePointer.ts';
import type { Size } from './useSize.ts';

export interface TideTimelineProps {
  readonly tide: Tide;
  readonly range: TimeRange;
  readonly now: EpochMs;
  readonly words: Words;
  readonly size: Size;
  readonly laneSize: LaneSize;
  readonly onRangeChange?: (range: TimeRange) => void;
  readonly onSelect?: (event: TideEvent) => void;
}

const labelSize = 11;
const textWidth = (text: string): number => measureText(text, labelSize).width;
/** The load is drawn a little off the edges, so that full load is not cut. */
const plotMargin = { top: 8, bottom: 2 };
/** Lanes are drawn ahead of scrolling by so many, and React is asked again after as many. */
const lanesAhead = 8;

export function TideTimeline(props: TideTimelineProps): React.ReactElement {
  const { tide, range, now, words, size, laneSize, onRangeChange, onSelect } = props;
  const { text, format } = words;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const colors = useMemo(() => tideColors(theme), [theme]);
  const hint = useId();
  const root = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);

  const longestName = useMemo(
    () => tide.lanes.reduce((longest, { name }) => Math.max(longest, textWidth(name)), 0),
    [tide.lanes],
  );
  const { width, height } = size;
  const hasLoad = tide.load.length > 0;
  const sizes = useMemo(
    () => tideSizes({ width, height }, laneSize, tide.lanes.length, longestName, hasLoad),
    [width, height, laneSize, tide.lanes.length, longestName, hasLoad],
  );
  const layout = useMemo(
    () =>
      layoutTide(tide, {
        range,
        timezone: words.timezone,
        now,
        width: sizes.axisWidth,
        plot: {
          top: plotMargin.top,
          height: Math.max(1, sizes.loadHeight - plotMargin.top - plotMargin.bottom),
        },
        lanesTop: 0,
        laneHeight: sizes.laneHeight,
        format,
        textWidth,
      }),
    [tide, range, words.timezone, now, sizes, format],
  );
  const quiet = useMemo(
    () =>
      lowTide(tide.load, range, now).flatMap(({ start, end }) => extentOf(layout.scale, start, end) ?? []),
    [tide.load, range, now, layout.scale],
  );

  const [firstLane, setFirstLane] = useState(0);
  const onScroll = (): void => {
    const first = Math.floor((scroller.current?.scrollTop ?? 0) / sizes.laneHeight);
    setFirstLane(Math.floor(first / lanesAhead) * lanesAhead);
    pointer.clear();
  };
  const lanes = useMemo(() => {
    const top = (firstLane - lanesAhead) * sizes.laneHeight;
    return lanesBetween(layout, top, top + sizes.lanesHeight + 3 * lanesAhead * sizes.laneHeight);
  }, [layout, firstLane, sizes]);

  const lanesTop = sizes.loadHeight + sizes.axisHeight;
  const pointer = useTidePointer({
    root,
    scroller,
    layout,
    gutter: sizes.gutter,
    lanesTop,
    onRangeChange,
    onSelect,
  });
  const scrollTo = (top: number): void => {
    if (scroller.current !== null) scroller.current.scrollTop = top;
  };
  const keyboard = useTideKeyboard({
    tide,
    range,
    now,
    layout,
    scroller,
    scrollTo,
    onRangeChange,
    onSelect,
  });
  const focused = eventOf(tide, keyboard.focused);
  const hit = pointer.at === undefined ? undefined : hitAt(layout, pointer.at.x, pointer.at.y);
  const active = hit?.mark?.event.key ?? (pointer.at === undefined ? keyboard.focused : undefined);

  return (
    <div ref={root} className={styles.root} {...pointer.handlers}>
      <svg className={styles.layer} width={width} height={height} aria-hidden="true">
        <g transform={`translate(${sizes.gutter},0)`}>
          {quiet.map(({ x, width: quietWidth }) => (
            <rect key={x} x={x} y={0} width={quietWidth} height={height} fill={colors.lowTide} />
          ))}
          {sizes.loadHeight > 0 && (
            <LoadPlot
              shapes={layout.load}
              width={sizes.axisWidth}
              top={plotMargin.top}
              height={sizes.loadHeight - plotMargin.top - plotMargin.bottom}
              words={words}
              colors={colors}
            />
          )}
          <TideAxis
            layout={layout}
            top={sizes.loadHeight}
            height={sizes.axisHeight}
            bottom={height}
            colors={colors}
          />
        </g>
      </svg>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- its arrow keys go from backup to backup */}
      <div
        ref={scroller}
        className={styles.scroller}
        style={{ top: lanesTop, height: sizes.lanesHeight }}
        role="application"
        tabIndex={0}
        aria-label={text('tide.title')}
        aria-describedby={hint}
        onScroll={onScroll}
        onKeyDown={keyboard.onKeyDown}
        onBlur={keyboard.onBlur}
      >
        <div className={styles.lanes} style={{ height: layout.height }}>
          {lanes.map(({ lane, y }) => (
            <div
              key={lane.name}
              className={styles.name}
              style={{ top: y, height: sizes.laneHeight, width: sizes.gutter }}
            >
              <span className={styles.swatch} style={{ backgroundColor: colors.priority[lane.priority] }} />
              <span className={lane.isPaused ? styles.pausedText : styles.nameText}>{lane.name}</span>
              {lane.isPaused && (
                <>
                  <Icon name="pause" size="sm" />
                  <span className={onlyHeard}>{text('tide.paused')}</span>
                </>
              )}
            </div>
          ))}
          <svg
            className={styles.layer}
            style={{ left: sizes.gutter }}
            width={sizes.axisWidth}
            height={layout.height}
            aria-hidden="true"
          >
            {lanes.map((lane) => (
              <LaneMarks
                key={lane.lane.name}
                layout={lane}
                scale={layout.scale}
                laneHeight={sizes.laneHeight}
                colors={colors}
                words={words}
                textWidth={textWidth}
                runningClass={styles.running}
                active={lane.marks.some(({ event }) => event.key === active) ? active : undefined}
              />
            ))}
          </svg>
        </div>
      </div>
      <TideOverlay
        size={size}
        gutter={sizes.gutter}
        layout={layout}
        loadHeight={sizes.loadHeight}
        axisHeight={sizes.axisHeight}
        at={pointer.at?.x}
        selection={pointer.selection}
        nowText={text('tide.now')}
        colors={colors}
      />
      <p id={hint} className={onlyHeard}>
        {text('tide.keys')}
      </p>
      <div role="status" className={onlyHeard}>
        {focused !== undefined && inOneBreath(tell(focused, words, now))}
      </div>
      <TideTooltip
        hit={hit}
        pointed={pointer.client}
        focused={pointer.at === undefined ? focused : undefined}
        anchorOf={keyboard.anchorOf}
        tide={tide}
        words={words}
        now={now}
        colors={colors}
      />
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  root: css({
    position: 'absolute',
    inset: 0,
    overflow: 'hidden',
    userSelect: 'none',
    fontSize: labelSize,
    touchAction: 'pan-y',
  }),
  layer: css({ position: 'absolute', top: 0, left: 0 }),
  scroller: css({
    position: 'absolute',
    left: 0,
    right: 0,
    overflowX: 'hidden',
    overflowY: 'auto',
    scrollbarWidth: 'thin',
    '&:focus-visible': { outline: `2px solid ${theme.colors.primary.main}`, outlineOffset: -2 },
  }),
  lanes: css({ position: 'relative' }),
  name: css({
    position: 'absolute',
    left: 0,
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(0.75),
    paddingRight: theme.spacing(1),
    color: theme.colors.text.primary,
  }),
  swatch: css({ width: 4, height: '60%', flex: 'none', borderRadius: theme.shape.radius.default }),
  nameText: css({ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }),
  pausedText: css({
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    color: theme.colors.text.secondary,
  }),
  running: css({
    [theme.transitions.handleMotion('no-preference')]: {
      animation: `lowtide-running 2s ${theme.transitions.easing.easeInOut} infinite alternate`,
    },
    '@keyframes lowtide-running': { from: { opacity: 1 }, to: { opacity: 0.5 } },
  }),
});
