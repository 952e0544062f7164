import React from 'react';
import { Button, type Column } from '@grafana/ui';
import type { AuditEntry } from 'lowtide/api';
import type { BackupRun } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { CancelButton } from './CancelButton.tsx';
import { Progress } from '../../components/Progress.tsx';
import { RunBadge } from '../../components/RunBadge.tsx';
import { named } from '../../hosts/hosts.ts';
import { now } from '../../lib/clock.ts';
import type { Objection } from '../../permission/usePermission.ts';
import type { Words } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

interface Given {
  readonly words: Words;
  readonly objection: Objection;
  readonly operation: Operation;
  readonly open: (run: BackupRun) => void;
}

/** When it began, which opens its details. */
export function startedColumn<T extends { readonly startedAt: string }>(
  { text, format }: Words,
  open: (row: T) => void,
): Column<T> {
  return {
    id: 'startedAt',
    header: text('column.started'),
    sortType: (a, b) => a.original.startedAt.localeCompare(b.original.startedAt),
    cell: ({ row: { original } }) => (
      <Button fill="text" size="sm" onClick={() => open(original)}>
        {format.moment(Date.parse(original.startedAt))}
      </Button>
    ),
  };
}

const triggers: Readonly<Record<BackupRun['trigger'], MessageKey>> = {
  schedule: 'trigger.schedule',
  manual: 'trigger.manual',
  api: 'trigger.api',
};

export function runColumns({ words, objection, operation, open }: Given): Column<BackupRun>[] {
  const { text, format } = words;
  return [
    startedColumn(words, open),
    { id: 'schedule', header: text('column.schedule'), sortType: 'string' },
    {
      id: 'status',
      header: text('column.status'),
      sortType: 'string',
      cell: ({ row: { original } }) => <RunStatus run={original} words={words} />,
    },
    {
      id: 'duration',
      header: text('column.duration'),
      cell: ({ row: { original } }) => format.duration(secondsOf(original)),
    },
    {
      id: 'storedBytes',
      header: text('column.stored'),
      sortType: 'number',
      cell: ({
        row: {
          original: { storedBytes },
        },
      }) => (storedBytes === undefined ? '–' : format.size(storedBytes)),
    },
    {
      id: 'trigger',
      header: text('column.trigger'),
      cell: ({ row: { original } }) => text(triggers[original.trigger]),
    },
    {
      id: 'actions',
      header: '',
      disableGrow: true,
      cell: ({ row: { original } }) =>
        original.status === 'running' ? (
          <CancelButton
            schedule={named(original.schedule, original.host)}
            operation={operation}
            whyNot={objection('cancel', original.host)}
            onClick={() =>
              void operation.perform(
                `cancel ${original.id}`,
                (key) => exporter.cancelRun(original.id, key, original.host),
                () => ({
                  key: 'done.cancel',
                  values: { schedule: named(original.schedule, original.host) },
                }),
              )
            }
          />
        ) : null,
    },
  ];
}

interface StatusProps {
  readonly run: BackupRun;
  readonly words: Words;
}

/** How far it is, or how it ended. */
export function RunStatus({ run, words: { text } }: StatusProps): React.JSX.Element {
  const { status, schedule, host, progress } = run;
  if (status !== 'running') return <RunBadge status={status} />;
  return <Progress label={`${text('run.running')}: ${named(schedule, host)}`} progress={progress} />;
}

export function secondsOf({ startedAt, finishedAt }: BackupRun): number {
  const end = finishedAt === undefined ? now() : Date.parse(finishedAt);
  return (end - Date.parse(startedAt)) / 1000;
}

export function auditColumns({ text, format }: Words): Column<AuditEntry>[] {
  return [
    {
      id: 'at',
      header: text('column.time'),
      cell: ({ row: { original } }) => format.moment(Date.parse(original.at)),
    },
    {
      id: 'actor',
      header: text('column.by'),
      cell: ({
        row: {
          original: { actor, grafanaUser },
        },
      }) => (grafanaUser === undefined ? actor : `${grafanaUser} (${actor})`),
    },
    { id: 'action', header: text('column.action'), cell: ({ row: { original } }) => original.action },
    {
      id: 'subject',
      header: text('column.subject'),
      cell: ({ row: { original } }) => original.subject ?? '–',
    },
    {
      id: 'result',
      header: text('column.result'),
      cell: ({
        row: {
          original: { result, code },
        },
      }) => (code === undefined ? result : `${result} (${code})`),
    },
    { id: 'from', header: text('column.from'), cell: ({ row: { original } }) => original.from },
  ];
}
