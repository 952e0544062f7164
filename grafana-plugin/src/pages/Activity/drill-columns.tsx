import React from 'react';
import { Badge, Button, type BadgeColor, type Column, type IconName } from '@grafana/ui';
import type { Drill } from 'lowtide/api';
import { Progress } from '../../components/Progress.tsx';
import type { Words } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

const looks: Readonly<Record<Drill['status'], readonly [BadgeColor, IconName, MessageKey]>> = {
  running: ['blue', 'sync', 'run.running'],
  passed: ['green', 'check', 'drill.passed'],
  failed: ['red', 'exclamation-triangle', 'run.failed'],
  cancelled: ['orange', 'times', 'run.cancelled'],
  interrupted: ['orange', 'bolt', 'run.interrupted'],
};

interface BadgeProps {
  readonly status: Drill['status'];
  readonly words: Words;
}

export function DrillBadge({ status, words: { text } }: BadgeProps): React.JSX.Element {
  const [color, icon, key] = looks[status];
  return <Badge color={color} icon={icon} text={text(key)} />;
}

export function drillColumns(words: Words, open: (id: string) => void): Column<Drill>[] {
  const { text, format } = words;
  return [
    {
      id: 'startedAt',
      header: text('column.started'),
      sortType: (a, b) => a.original.startedAt.localeCompare(b.original.startedAt),
      cell: ({ row: { original } }) => (
        <Button fill="text" size="sm" onClick={() => open(original.id)}>
          {format.moment(Date.parse(original.startedAt))}
        </Button>
      ),
    },
    { id: 'schedule', header: text('column.schedule'), sortType: 'string' },
    {
      id: 'status',
      header: text('column.status'),
      sortType: 'string',
      cell: ({ row: { original } }) =>
        original.status === 'running' ? (
          <Progress label={`${text('run.running')}: ${original.schedule}`} progress={original.progress} />
        ) : (
          <DrillBadge status={original.status} words={words} />
        ),
    },
    {
      id: 'restoreSeconds',
      header: text('drill.restore'),
      sortType: 'number',
      cell: ({
        row: {
          original: { restoreSeconds },
        },
      }) => (restoreSeconds === undefined ? '–' : format.duration(restoreSeconds)),
    },
    {
      id: 'dataAgeSeconds',
      header: text('drill.dataAge'),
      sortType: 'number',
      cell: ({ row: { original } }) => format.duration(original.dataAgeSeconds),
    },
  ];
}
