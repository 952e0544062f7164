import type { GrafanaTheme2 } from '@grafana/data';
import { Pagination, useStyles2, useTheme2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useEffect, useMemo, useRef, useState } from 'react';
import type { EpochMs } from '../../format/format.ts';
import { tell, whyNotOf } from '../../timeline/telling.ts';
import type { Lane, Tide, TideEvent } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { endOf } from '../../timeline/timeline.ts';
import type { Words } from '../../words/useWords.ts';
import { onlyHeard } from '../only-heard.ts';
import { colorOf, tideColors, type TideColors } from './tide-colors.ts';

export interface TideTableProps {
  readonly tide: Tide;
  readonly range: TimeRange;
  readonly now: EpochMs;
  readonly words: Words;
}

interface Row {
  readonly lane: Lane;
  readonly event: TideEvent;
}

const rowsPerPage = 50;

/** The same as the chart, by time, to be read. */
export function TideTable({ tide, range, now, words }: TideTableProps): React.ReactElement {
  const { say, format } = words;
  const styles = useStyles2(getStyles);
  const colors = tideColors(useTheme2());
  const rows = useMemo(() => rowsOf(tide, range, now), [tide, range, now]);
  const pages = Math.max(1, Math.ceil(rows.length / rowsPerPage));
  const [chosenPage, setPage] = useState<number>();
  const page = Math.min(pages, chosenPage ?? pageOfNow(rows, now));
  const next = rows.find(({ event }) => event.start >= now)?.event.key;
  const scroller = useRef<HTMLDivElement>(null);
  // Opened where the present is; from then on whoever reads decides.
  useEffect(() => {
    const region = scroller.current;
    const row = region?.querySelector<HTMLElement>('[data-next]') ?? null;
    if (region !== null && row !== null) region.scrollTop = row.offsetTop - region.clientHeight / 2;
  }, []);
  const title = say({ key: 'tide.table', values: { from: { at: range.from }, until: { at: range.until } } });
  return (
    <div className={styles.frame}>
      <div ref={scroller} className={styles.scroller} role="region" aria-label={title} tabIndex={0}>
        <table className={styles.table}>
          <caption className={onlyHeard}>{title}</caption>
          <thead>
            <tr>
              {(['when', 'schedule', 'priority', 'what', 'more'] as const).map((column) => (
                <th key={column} scope="col">
                  {say({ key: `tide.column.${column}` })}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice((page - 1) * rowsPerPage, page * rowsPerPage).map((row) => (
              <EventRow
                key={row.event.key}
                row={row}
                isNext={row.event.key === next}
                now={now}
                words={words}
                colors={colors}
              />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p className={styles.faint}>{say({ key: 'tide.empty' })}</p>}
      </div>
      {pages > 1 && (
        <div className={styles.foot}>
          <span className={styles.faint}>{format.count(rows.length)}</span>
          <Pagination numberOfPages={pages} currentPage={page} onNavigate={setPage} />
        </div>
      )}
    </div>
  );
}

interface EventRowProps {
  readonly row: Row;
  /** The first that is to come: the present lies above it. */
  readonly isNext: boolean;
  readonly now: EpochMs;
  readonly words: Words;
  readonly colors: TideColors;
}

const EventRow = React.memo(function EventRow(props: EventRowProps): React.ReactElement {
  const { row, isNext, now, words, colors } = props;
  const styles = useStyles2(getStyles);
  const { lane, event } = row;
  const { what, when, facts, reason, others } = tell(event, words, now);
  return (
    <tr {...(isNext && { 'data-next': true, className: styles.next })}>
      <td>{when}</td>
      <th scope="row">{lane.name}</th>
      <td>{words.say({ key: `tide.priority.${lane.priority}` })}</td>
      <td>
        <span className={styles.what}>
          <span className={styles.dot} style={{ backgroundColor: colorOf(event, lane.priority, colors) }} />
          {what}
        </span>
      </td>
      <td>
        {reason !== undefined && <div>{reason.headline ?? reason.text}</div>}
        <div className={styles.faint}>{facts.map(({ name, text }) => `${name}: ${text}`).join(' · ')}</div>
        {others.length > 0 && (
          <div className={styles.faint}>
            {words.say({ key: 'tide.fact.others' })}:{' '}
            {others.map((other) => `${other.when} (${whyNotOf(other) || other.load})`).join(' · ')}
          </div>
        )}
      </td>
    </tr>
  );
});

function rowsOf({ lanes }: Tide, { from, until }: TimeRange, now: EpochMs): Row[] {
  return lanes
    .flatMap((lane) =>
      lane.events
        .filter((event) => event.start < until && endOf(event, now) >= from)
        .map((event) => ({ lane, event })),
    )
    .sort((a, b) => a.event.start - b.event.start);
}

/** Opened where the present is. */
function pageOfNow(rows: readonly Row[], now: EpochMs): number {
  const next = rows.findIndex(({ event }) => endOf(event, now) >= now);
  return Math.floor((next === -1 ? Math.max(0, rows.length - 1) : next) / rowsPerPage) + 1;
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ position: 'absolute', inset: 0, display: 'flex', flexDirection: 'column' }),
  scroller: css({ flex: 1, minHeight: 0, overflow: 'auto' }),
  table: css({
    width: '100%',
    borderCollapse: 'collapse',
    fontSize: theme.typography.bodySmall.fontSize,
    'th, td': { padding: theme.spacing(0.5, 1), textAlign: 'left', verticalAlign: 'top' },
    'thead th': {
      position: 'sticky',
      top: 0,
      backgroundColor: theme.colors.background.primary,
      color: theme.colors.text.secondary,
      fontWeight: theme.typography.fontWeightMedium,
    },
    'tbody th': { fontWeight: theme.typography.fontWeightMedium },
    'tbody tr': { borderTop: `1px solid ${theme.colors.border.weak}` },
    'td:first-child': { whiteSpace: 'nowrap' },
  }),
  next: css({ '&&': { borderTop: `2px solid ${theme.colors.text.primary}` } }),
  what: css({ display: 'inline-flex', alignItems: 'center', gap: theme.spacing(0.75) }),
  dot: css({ width: 8, height: 8, flex: 'none', borderRadius: theme.shape.radius.default }),
  faint: css({ color: theme.colors.text.secondary }),
  foot: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'space-between',
    paddingTop: theme.spacing(0.5),
  }),
});
