import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, RadioButtonGroup, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useId, useMemo, useState } from 'react';
import type { EpochMs } from '../../format/format.ts';
import type { Resource } from '../../timeline/load-series.ts';
import type { Tide, TideEvent } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import type { Words } from '../../words/useWords.ts';
import { TideLegend } from './TideLegend.tsx';
import type { LaneSize } from './tide-sizes.ts';
import { TideTable } from './TideTable.tsx';
import { TideTimeline } from './TideTimeline.tsx';
import { useSize } from './useSize.ts';

export interface TideChartProps {
  readonly tide: Tide;
  readonly range: TimeRange;
  readonly now: EpochMs;
  readonly words: Words;
  /** Whose load is shown. */
  readonly resource: Resource | 'all';
  readonly laneSize: LaneSize;
  readonly view: TideView;
  readonly isLegendShown: boolean;
  /** What else is to be known of what is shown. */
  readonly notices?: readonly string[];
  /** Part of the time was chosen, to be shown alone. */
  readonly onRangeChange?: (range: TimeRange) => void;
  readonly onSelect?: (event: TideEvent) => void;
}

export type TideView = 'chart' | 'table';

/**
 * The load of the host, and in it what was backed up and what is to be, on one axis of time. It fills its parent. The
 * table beside it has the same facts for those who cannot see, or would rather read.
 */
export function TideChart(props: TideChartProps): React.ReactElement {
  const {
    tide,
    range,
    now,
    words,
    resource,
    laneSize,
    isLegendShown,
    notices = [],
    onRangeChange,
    onSelect,
  } = props;
  const { text } = words;
  const styles = useStyles2(getStyles);
  const name = useId();
  const [view, setView] = useState(props.view);
  const [body, size] = useSize();
  const shown = useMemo(
    () =>
      resource === 'all' ? tide : { ...tide, load: tide.load.filter((load) => load.resource === resource) },
    [tide, resource],
  );
  return (
    <div className={styles.chart}>
      <div className={styles.head}>
        <div className={styles.legend}>
          {isLegendShown && view === 'chart' && <TideLegend tide={shown} words={words} />}
        </div>
        <div className={styles.views}>
          <RadioButtonGroup<TideView>
            id={name}
            aria-label={text('tide.view')}
            size="sm"
            value={view}
            onChange={setView}
            options={[
              { value: 'chart', label: text('tide.asChart') },
              { value: 'table', label: text('tide.asTable') },
            ]}
          />
        </div>
      </div>
      {notices.map((notice) => (
        <div key={notice} className={styles.notice}>
          <Icon name="exclamation-triangle" size="sm" /> {notice}
        </div>
      ))}
      <div className={styles.body} ref={body}>
        {size !== undefined && view === 'chart' && (
          <TideTimeline
            tide={shown}
            range={range}
            now={now}
            words={words}
            size={size}
            laneSize={laneSize}
            {...(onRangeChange !== undefined && { onRangeChange })}
            {...(onSelect !== undefined && { onSelect })}
          />
        )}
        {view === 'table' && <TideTable tide={shown} range={range} now={now} words={words} />}
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  chart: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    width: '100%',
    height: '100%',
    minHeight: 0,
    containerType: 'size',
  }),
  // Where room is scarce, the chart has it.
  legend: css({
    '@container (max-height: 340px) or (max-width: 560px)': { display: 'none' },
  }),
  head: css({
    display: 'flex',
    alignItems: 'flex-start',
    justifyContent: 'space-between',
    gap: theme.spacing(1),
    flex: 'none',
  }),
  views: css({ flex: 'none', marginLeft: 'auto' }),
  notice: css({
    flex: 'none',
    color: theme.colors.warning.text,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  body: css({ flex: 1, minHeight: 0, minWidth: 0, position: 'relative' }),
});
