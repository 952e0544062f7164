import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2, useTheme2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useMemo } from 'react';
import type { BackupRun } from '../../api/answers.ts';
import type { Priority, Tide } from '../../timeline/tide.ts';
import type { Words } from '../../words/useWords.ts';
import { tideColors } from './tide-colors.ts';

export interface TideLegendProps {
  readonly tide: Tide;
  readonly words: Words;
}

const priorities: readonly Priority[] = ['critical', 'high', 'medium', 'low'];
const results: readonly BackupRun['status'][] = [
  'running',
  'completed',
  'failed',
  'interrupted',
  'cancelled',
];

/** Only what there is to see. */
export const TideLegend = React.memo(function TideLegend(props: TideLegendProps): React.ReactElement {
  const { tide, words } = props;
  const { say } = words;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const colors = tideColors(theme);
  const present = useMemo(() => presentIn(tide), [tide]);
  return (
    <ul className={styles.legend}>
      {tide.load.map(({ resource }) => (
        <Entry
          key={resource}
          text={`${say({ key: `tide.resource.${resource}` })}: ${say({ key: 'tide.measured' })}`}
        >
          <path d="M1,7H15" stroke={colors.load[resource]} strokeWidth={2} />
        </Entry>
      ))}
      {tide.load.slice(0, 1).map(({ resource }) => (
        <Entry key="forecast" text={say({ key: 'tide.forecast' })}>
          <rect x={1} y={2} width={14} height={10} fill={colors.load[resource]} fillOpacity={0.26} />
          <path d="M1,7H15" stroke={colors.load[resource]} strokeWidth={1.5} strokeDasharray="4 3" />
        </Entry>
      ))}
      {tide.load.length > 0 && (
        <Entry text={say({ key: 'tide.lowTide' })} title={say({ key: 'tide.lowTide.meaning' })}>
          <rect x={1} y={0} width={14} height={14} fill={colors.lowTide} />
        </Entry>
      )}
      {present.hasWindows && (
        <Entry text={say({ key: 'tide.window' })}>
          <rect x={1} y={2} width={14} height={10} rx={3} fill={colors.track} />
        </Entry>
      )}
      {priorities
        .filter((priority) => present.priorities.has(priority))
        .map((priority) => (
          <Entry key={priority} text={say({ key: `tide.priority.${priority}` })}>
            <rect x={3} y={2} width={10} height={10} rx={2} fill={colors.priority[priority]} />
          </Entry>
        ))}
      {present.priorities.size > 0 && (
        <Entry text={say({ key: 'tide.deadline' })}>
          <path d="M1,7H12" stroke={colors.faint} strokeDasharray="1 3" />
          <path d="M13,2V12" stroke={colors.faint} strokeWidth={2} />
        </Entry>
      )}
      {results
        .filter((result) => present.results.has(result))
        .map((result) => (
          <Entry key={result} text={say({ key: `tide.what.${result}` })}>
            <rect x={1} y={4} width={14} height={6} rx={2} fill={colors.result[result]} />
          </Entry>
        ))}
    </ul>
  );
});

interface EntryProps {
  readonly text: string;
  readonly title?: string;
  readonly children: React.ReactNode;
}

function Entry({ text, title, children }: EntryProps): React.ReactElement {
  return (
    <li title={title}>
      <svg width={16} height={14} aria-hidden="true">
        {children}
      </svg>
      {text}
    </li>
  );
}

function presentIn({ lanes }: Tide) {
  const priorities = new Set<Priority>();
  const results = new Set<BackupRun['status']>();
  for (const { priority, events } of lanes) {
    for (const event of events) {
      if (event.kind === 'planned') priorities.add(priority);
      else results.add(event.run.status);
    }
  }
  return { priorities, results, hasWindows: lanes.some(({ window }) => window !== undefined) };
}

const getStyles = (theme: GrafanaTheme2) => ({
  legend: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 1.5),
    margin: 0,
    padding: 0,
    listStyle: 'none',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    lineHeight: theme.typography.bodySmall.lineHeight,
    li: { display: 'inline-flex', alignItems: 'center', gap: theme.spacing(0.5), whiteSpace: 'nowrap' },
  }),
});
