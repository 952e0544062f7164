import React, { useCallback, useMemo, useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, Stack, Text } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { setQuery, useQuery } from '../../lib/useQuery.ts';
import { withHost } from '../../hosts/host-column.tsx';
import { keyOf, type ShownHosts } from '../../hosts/hosts.ts';
import { OfHosts } from '../../hosts/HostsKnown.tsx';
import { ProblemNote } from '../../hosts/SilentNote.tsx';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { BackupDrawer } from './BackupDrawer.tsx';
import { backupColumns } from './columns.tsx';
import { Filters, type BackupFilter } from './Filters.tsx';
import { lookAtBackups, type BackupsSeen } from './look.ts';

export function Backups(): React.JSX.Element {
  const { text } = useWords();
  return (
    <PluginPage subTitle={text('backups.subTitle')} actions={<DashboardLink uid="lowtide-backups" />}>
      <OfHosts>{(hosts) => <BackupsOf hosts={hosts} />}</OfHosts>
    </PluginPage>
  );
}

function BackupsOf({ hosts }: { readonly hosts: ShownHosts }): React.JSX.Element {
  const [ofSchedule] = useQuery('schedule');
  const [ofKey] = useQuery('key');
  const [filter, setFilter] = useState<BackupFilter>({
    schedule: ofSchedule,
    key: ofKey,
    status: 'completed',
    text: '',
  });
  const { schedule, key, status } = filter;
  const { asked } = hosts;
  const ask = useCallback(
    () => lookAtBackups({ schedule, key, status }, asked),
    [schedule, key, status, asked],
  );
  const polled = usePolling(ask, 60_000);
  const [schedules, setSchedules] = useState<readonly string[]>([]);
  const known = polled.data?.schedules ?? schedules;
  if (known !== schedules) setSchedules(known);
  return (
    <>
      <Filters filter={filter} schedules={known} onChange={setFilter} />
      <Answered polled={polled}>
        {(seen) => <BackupsTable seen={seen} hosts={hosts} filter={filter} refresh={polled.refresh} />}
      </Answered>
    </>
  );
}

interface TableProps {
  readonly seen: BackupsSeen;
  readonly hosts: ShownHosts;
  readonly filter: BackupFilter;
  readonly refresh: () => void;
}

function BackupsTable({ seen, hosts, filter, refresh }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(seen.status, hosts.all);
  const operation = useOperation(refresh);
  const [openId] = useQuery('backup');
  const [openHost] = useQuery('of');
  const columns = useMemo(() => withHost(backupColumns(words, open), hosts, words), [words, hosts]);
  const shown = useMemo(
    () => seen.backups.filter((each) => fits(each, filter.text)),
    [seen.backups, filter.text],
  );
  const { say, text } = words;
  return (
    <>
      <ProblemNote problems={seen.problems} />
      {shown.length === 0 ? (
        <EmptyState variant="not-found" message={text('backups.empty')} />
      ) : (
        <Stack direction="column" gap={1}>
          <Text color="secondary" variant="bodySmall">
            {say({ key: seen.hasMore ? 'backups.newest' : 'backups.count', values: { count: shown.length } })}
          </Text>
          <DataTable label={text('nav.backups')} columns={columns} rows={shown} idOf={keyOf} />
        </Stack>
      )}
      {openId !== undefined && (
        <BackupDrawer
          id={openId}
          host={openHost}
          listed={seen.backups.find(({ id, host }) => id === openId && host === openHost)}
          restoreTargets={seen.status.restoreTargets}
          objection={objection}
          operation={operation}
          onClose={() => open()}
        />
      )}
    </>
  );
}

/** Its id alone would do, were there not several hosts. */
function open(backup?: Backup): void {
  setQuery({ backup: backup?.id, of: backup?.host });
}

/** Whether any word of it has the text. */
function fits({ id, schedule, keyId, source, copies, host = '' }: Backup, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return true;
  return [
    id,
    schedule,
    keyId,
    source.label,
    host,
    ...copies.map(({ store, path }) => `${store} ${path}`),
  ].some((word) => word.toLowerCase().includes(wanted));
}
