import type { Host } from 'lowtide/api';
import React, { type ReactNode } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { named } from '../../hosts/hosts.ts';
import { now } from '../../lib/clock.ts';
import { useWords } from '../../words/useWords.ts';
import type { Seen } from './look.ts';
import { numbersOf } from './numbers.ts';

interface Props {
  readonly seen: Seen;
  readonly hosts: readonly Host[];
}

/** The few figures that tell how things stand. */
export function Numbers({ seen, hosts }: Props): React.JSX.Element {
  const { say, text, format } = useWords();
  const styles = useStyles2(getStyles);
  const { fresh, schedules, next, last, storedBytes, backups, keyAgeSeconds, keyPolicySeconds, busiest } =
    numbersOf(seen, now());
  const own = hosts.find(({ isSelf }) => isSelf)?.instance;
  const ago = (seconds: number): string => format.relative(-seconds);
  return (
    <div className={styles.grid}>
      <Tile
        name={text('number.fresh')}
        aside={say({ key: 'number.schedules', values: { count: schedules } })}
      >
        {format.count(fresh)}/{format.count(schedules)}
      </Tile>
      <Tile name={text('number.next')} aside={next?.schedule}>
        {next === undefined ? '–' : format.relative(next.inSeconds)}
      </Tile>
      <Tile name={text('number.last')} aside={last?.schedule}>
        {last === undefined ? text('never') : ago(last.agoSeconds)}
      </Tile>
      <Tile
        name={named(text('number.stored'), own)}
        aside={say({ key: 'number.backups', values: { count: backups } })}
      >
        {format.size(storedBytes)}
      </Tile>
      <Tile
        name={named(text('number.keyAge'), own)}
        aside={
          keyPolicySeconds === undefined
            ? text('number.noPolicy')
            : say({ key: 'number.policy', values: { policy: { seconds: keyPolicySeconds } } })
        }
      >
        {keyAgeSeconds === undefined ? '–' : format.duration(keyAgeSeconds)}
      </Tile>
      <Tile name={named(text('number.load'), own)} aside={busiest && text(busiest.key)}>
        {busiest === undefined ? '–' : format.percent(busiest.ratio)}
      </Tile>
    </div>
  );
}

interface TileProps {
  readonly name: string;
  readonly aside: string | undefined;
  readonly children: ReactNode;
}

function Tile({ name, aside, children }: TileProps): React.JSX.Element {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.tile} role="group" aria-label={name}>
      <span className={styles.name}>{name}</span>
      <span className={styles.figure}>{children}</span>
      <span className={styles.name}>{aside ?? ' '}</span>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  grid: css({
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fill, minmax(170px, 1fr))',
    gap: theme.spacing(1),
  }),
  tile: css({
    display: 'flex',
    flexDirection: 'column',
    padding: theme.spacing(1.5, 2),
    background: theme.colors.background.primary,
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    minWidth: 0,
  }),
  name: css({
    ...theme.typography.bodySmall,
    color: theme.colors.text.secondary,
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
  }),
  figure: css({ ...theme.typography.h3, margin: theme.spacing(0.5, 0) }),
});
