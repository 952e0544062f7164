import React, { type ReactNode } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { TextLink, useStyles2 } from '@grafana/ui';
import { RunBadge } from '../../components/RunBadge.tsx';
import { When } from '../../components/When.tsx';
import { appPath } from '../../constants.ts';
import { named } from '../../hosts/hosts.ts';
import { linkTo } from '../../lib/link.ts';
import { useWords } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';
import type { Seen } from './look.ts';

const most = 6;

/** What comes next, and what was. */
export function Lately({ seen: { slots, runs } }: { readonly seen: Seen }): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.columns}>
      <List title="overview.coming" page="schedules" link="nav.schedules">
        {slots.length === 0 && <li className={styles.row}>{text('overview.nothingComes')}</li>}
        {slots.slice(0, most).map(({ schedule, host, dueAt, start, reason }) => (
          <li key={`${named(schedule, host)} ${dueAt}`} className={styles.row}>
            <b>{named(schedule, host)}</b>
            <span className={styles.reason} title={reason.text}>
              {reason.text}
            </span>
            <When at={start} />
          </li>
        ))}
      </List>
      <List title="overview.lately" page="activity" link="nav.activity">
        {runs.length === 0 && <li className={styles.row}>{text('runs.empty')}</li>}
        {runs.slice(0, most).map(({ id, schedule, host, status, startedAt, error }) => (
          <li key={id} className={styles.row}>
            <b>{named(schedule, host)}</b>
            <span className={styles.reason}>{error?.message}</span>
            <RunBadge status={status} />
            <When at={startedAt} />
          </li>
        ))}
      </List>
    </div>
  );
}

interface ListProps {
  readonly title: MessageKey;
  readonly page: string;
  readonly link: MessageKey;
  readonly children: ReactNode;
}

function List({ title, page, link, children }: ListProps): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  return (
    <section aria-label={text(title)} className={styles.box}>
      <div className={styles.head}>
        <h3 className={styles.heading}>{text(title)}</h3>
        <TextLink href={linkTo(`${appPath}/${page}`)} inline={false} variant="bodySmall">
          {text(link)}
        </TextLink>
      </div>
      <ul className={styles.list}>{children}</ul>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  columns: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 420px), 1fr))',
    gap: theme.spacing(2),
  }),
  box: css({
    minWidth: 0,
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
  }),
  head: css({
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'space-between',
    padding: theme.spacing(1.5, 2, 0.5),
  }),
  heading: css({ ...theme.typography.h5, margin: 0 }),
  list: css({ listStyle: 'none', padding: theme.spacing(0, 2, 1) }),
  row: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1.5),
    padding: theme.spacing(0.75, 0),
    '& + &': { borderTop: `1px solid ${theme.colors.border.weak}` },
  }),
  reason: css({
    flex: 1,
    minWidth: 0,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    color: theme.colors.text.secondary,
    ...theme.typography.bodySmall,
  }),
});
