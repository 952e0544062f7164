import type { PanelProps } from '@grafana/data';
import { EmptyState } from '@grafana/ui';
import React, { useCallback, useEffect, useMemo, useRef } from 'react';
import type { EpochMs } from '../../format/format.ts';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { TideChart } from '../../components/TideChart/TideChart.tsx';
import { useNow } from '../../components/useNow.ts';
import { now } from '../../lib/clock.ts';
import { readTide } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { useWords, type Words } from '../../words/useWords.ts';
import { askedHosts } from '../asked-hosts.ts';
import { PanelState } from '../PanelState.tsx';
import { askTide, type AskedTide } from './ask-tide.ts';
import { chosenOf } from './chosen.ts';
import { noticesOf } from './notices.ts';
import type { ScheduleOptions } from './options.ts';
import { shownRange } from './shown-range.ts';

/** Beside the refreshes of the dashboard, which may be off. */
const pollMs = 60_000;

export function SchedulePanel(props: PanelProps<ScheduleOptions>): React.ReactElement {
  const { options, timeRange, timeZone, replaceVariables, onChangeTimeRange } = props;
  const words = useWords(timeZone);
  const at = useNow(pollMs / 2);
  const range = useMemo(() => shownRange(timeRange, options.comingHours), [timeRange, options.comingHours]);

  const wanted = useRef(range);
  const hosts = replaceVariables(options.hosts, undefined, 'csv');
  const ask = useCallback(() => askTide(exporter, wanted.current, now(), askedHosts(hosts)), [hosts]);
  const polled = usePolling(ask, pollMs);
  const { refresh } = polled;
  useEffect(() => {
    if (wanted.current === range) return;
    wanted.current = range;
    refresh();
  }, [range, refresh]);

  const patterns = replaceVariables(options.schedules, undefined, 'csv');
  const onRangeChange = useCallback(
    ({ from, until }: TimeRange) => onChangeTimeRange({ from: Math.round(from), to: Math.round(until) }),
    [onChangeTimeRange],
  );
  return (
    <PanelState polled={polled} words={words}>
      {(answers) => (
        <Chart
          answers={answers}
          patterns={patterns}
          range={range}
          now={at}
          words={words}
          options={options}
          onRangeChange={onRangeChange}
        />
      )}
    </PanelState>
  );
}

interface ChartProps {
  readonly answers: AskedTide;
  readonly patterns: string;
  readonly range: TimeRange;
  readonly now: EpochMs;
  readonly words: Words;
  readonly options: ScheduleOptions;
  readonly onRangeChange: (range: TimeRange) => void;
}

function Chart(props: ChartProps): React.ReactElement {
  const { answers, patterns, range, now: at, words, options, onRangeChange } = props;
  const tide = useMemo(() => chosenOf(readTide(answers), patterns), [answers, patterns]);
  if (tide.lanes.length === 0) {
    return (
      <EmptyState variant="not-found" message={words.text('tide.noSchedules')} hideImage>
        {words.text('tide.noSchedules.hint')}
      </EmptyState>
    );
  }
  return (
    <TideChart
      // What the options say counts anew once they are changed.
      key={options.view}
      tide={tide}
      range={range}
      now={at}
      words={words}
      resource={options.resource}
      laneSize={options.laneSize}
      view={options.view}
      isLegendShown={options.isLegendShown}
      onRangeChange={onRangeChange}
      notices={noticesOf(answers, words)}
    />
  );
}
