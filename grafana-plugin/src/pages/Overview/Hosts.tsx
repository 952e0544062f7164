import type { Host } from 'lowtide/api';
import React, { useMemo } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, Stack, Text, TextLink, useStyles2, type Column } from '@grafana/ui';
import { DataTable } from '../../components/DataTable.tsx';
import { When } from '../../components/When.tsx';
import { hostLink } from '../../hosts/host-links.ts';
import { useWords, type Words } from '../../words/useWords.ts';

const idOf = ({ instance }: Host): string => instance;

/** The hosts that share their state, the silent ones first, and the ways to what each has. */
export function Hosts({ hosts }: { readonly hosts: readonly Host[] }): React.JSX.Element {
  const words = useWords();
  const { text } = words;
  const styles = useStyles2(getStyles);
  const columns = useMemo(() => hostColumns(words), [words]);
  return (
    <div>
      <h3 className={styles.heading}>{text('hosts.title')}</h3>
      <DataTable label={text('hosts.title')} columns={columns} rows={hosts} idOf={idOf} pageSize={10} />
    </div>
  );
}

function hostColumns(words: Words): Column<Host>[] {
  const { text } = words;
  return [
    {
      id: 'instance',
      header: text('column.host'),
      sortType: 'string',
      cell: ({ row: { original } }) => (
        <Stack gap={0.5} alignItems="center">
          <Text weight="medium">{original.instance}</Text>
          {original.isPlanner && (
            <Badge
              color="blue"
              icon="calendar-alt"
              text={text('hosts.planner')}
              tooltip={text('hosts.plannerMeaning')}
            />
          )}
        </Stack>
      ),
    },
    {
      id: 'state',
      header: text('column.state'),
      sortType: (a, b) => b.original.lastSeenSeconds - a.original.lastSeenSeconds,
      cell: ({ row: { original } }) => <State host={original} words={words} />,
    },
    {
      id: 'lastSuccessAt',
      header: text('column.lastSuccess'),
      sortType: (a, b) => lastOf(a.original).localeCompare(lastOf(b.original)),
      cell: ({ row: { original } }) => <When at={original.summary?.lastSuccessAt} />,
    },
    { id: 'version', header: text('column.version'), sortType: 'alphanumeric' },
    { id: 'address', header: text('column.address') },
    {
      id: 'pools',
      header: text('column.pools'),
      cell: ({ row: { original } }) => original.pools.join(', '),
    },
    {
      id: 'pages',
      header: '',
      cell: ({ row: { original } }) => <Pages host={original} words={words} />,
    },
  ];
}

function lastOf({ summary }: Host): string {
  return summary?.lastSuccessAt ?? '';
}

interface OfHostProps {
  readonly host: Host;
  readonly words: Words;
}

/** By a word and a sign; of one that is not there, since when. */
function State({ host: { state, lastSeenSeconds }, words: { text, say } }: OfHostProps): React.JSX.Element {
  if (state === 'alive') return <Badge color="green" icon="check" text={text('hosts.alive')} />;
  const values = { since: { ago: lastSeenSeconds } };
  return state === 'silent' ? (
    <Badge color="red" icon="exclamation-triangle" text={say({ key: 'hosts.silentSince', values })} />
  ) : (
    <Badge color="purple" icon="pause" text={say({ key: 'hosts.leftSince', values })} />
  );
}

/** The ways to what the host has. */
function Pages({ host: { instance, summary }, words: { say, text } }: OfHostProps): React.JSX.Element {
  const count = summary?.schedules;
  const links = [
    [
      'schedules',
      count === undefined ? text('nav.schedules') : say({ key: 'hosts.schedules', values: { count } }),
    ],
    ['backups', text('nav.backups')],
    ['activity', text('nav.activity')],
  ] as const;
  return (
    <Stack gap={1.5}>
      {links.map(([page, name]) => (
        <TextLink
          key={page}
          href={hostLink(page, instance)}
          inline={false}
          variant="bodySmall"
          aria-label={`${name}: ${instance}`}
        >
          {name}
        </TextLink>
      ))}
    </Stack>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  heading: css({ ...theme.typography.h5, margin: theme.spacing(0, 0, 1) }),
});
