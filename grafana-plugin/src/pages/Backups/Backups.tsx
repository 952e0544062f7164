import React, { useCallback, useMemo, useState } from 'react';
import { PluginPage } from '@grafana/runtime';
import { EmptyState, Stack, Text } from '@grafana/ui';
import type { Backup } from 'lowtide/api';
import { useOperation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { DashboardLink } from '../../components/DashboardLink.tsx';
import { DataTable } from '../../components/DataTable.tsx';
import { useQuery } from '../../lib/useQuery.ts';
import { useObjection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { BackupDrawer } from './BackupDrawer.tsx';
import { backupColumns } from './columns.tsx';
import { Filters, type BackupFilter } from './Filters.tsx';
import { lookAtBackups, type BackupsSeen } from './look.ts';

const idOf = ({ id }: Backup): string => id;

export function Backups(): React.JSX.Element {
  const { text } = useWords();
  const [ofSchedule] = useQuery('schedule');
  const [ofKey] = useQuery('key');
  const [filter, setFilter] = useState<BackupFilter>({
    schedule: ofSchedule,
    key: ofKey,
    status: 'completed',
    text: '',
  });
  const { schedule, key, status } = filter;
  const ask = useCallback(() => lookAtBackups({ schedule, key, status }), [schedule, key, status]);
  const polled = usePolling(ask, 60_000);
  const [schedules, setSchedules] = useState<readonly string[]>([]);
  const known = polled.data?.schedules ?? schedules;
  if (known !== schedules) setSchedules(known);
  return (
    <PluginPage subTitle={text('backups.subTitle')} actions={<DashboardLink uid="lowtide-backups" />}>
      <Filters filter={filter} schedules={known} onChange={setFilter} />
      <Answered polled={polled}>
        {(seen) => <BackupsTable seen={seen} filter={filter} refresh={polled.refresh} />}
      </Answered>
    </PluginPage>
  );
}

interface TableProps {
  readonly seen: BackupsSeen;
  readonly filter: BackupFilter;
  readonly refresh: () => void;
}

function BackupsTable({ seen, filter, refresh }: TableProps): React.JSX.Element {
  const words = useWords();
  const objection = useObjection(seen.status);
  const operation = useOperation(refresh);
  const [openId, open] = useQuery('backup');
  const columns = useMemo(() => backupColumns(words, open), [words, open]);
  const shown = useMemo(
    () => seen.backups.filter((each) => fits(each, filter.text)),
    [seen.backups, filter.text],
  );
  const { say, text } = words;
  return (
    <>
      {shown.length === 0 ? (
        <EmptyState variant="not-found" message={text('backups.empty')} />
      ) : (
        <Stack direction="column" gap={1}>
          <Text color="secondary" variant="bodySmall">
            {say({ key: seen.hasMore ? 'backups.newest' : 'backups.count', values: { count: shown.length } })}
          </Text>
          <DataTable label={text('nav.backups')} columns={columns} rows={shown} idOf={idOf} />
        </Stack>
      )}
      {openId !== undefined && (
        <BackupDrawer
          id={openId}
          listed={seen.backups.find(({ id }) => id === openId)}
          restoreTargets={seen.status.restoreTargets}
          objection={objection}
          operation={operation}
          onClose={() => open(undefined)}
        />
      )}
    </>
  );
}

/** Whether any word of it has the text. */
function fits({ id, schedule, keyId, source, copies }: Backup, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return true;
  return [id, schedule, keyId, source.label, ...copies.map(({ store, path }) => `${store} ${path}`)].some(
    (word) => word.toLowerCase().includes(wanted),
  );
}
