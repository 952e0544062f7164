import React from 'react';
import type { Column } from '@grafana/ui';
import type { Rotation } from '../api/answers.ts';
import type { Words } from '../words/useWords.ts';
import { Progress } from './Progress.tsx';
import { RunBadge } from './RunBadge.tsx';
import { When } from './When.tsx';

export function rotationColumns(words: Words): Column<Rotation>[] {
  const { text, format, say } = words;
  return [
    {
      id: 'startedAt',
      header: text('column.started'),
      cell: ({ row: { original } }) => <When at={original.startedAt} />,
    },
    {
      id: 'status',
      header: text('column.status'),
      cell: ({ row: { original } }) =>
        original.status === 'running' ? (
          <Progress label={text('rotation.title')} progress={original.progress} />
        ) : (
          <RunBadge status={original.status} />
        ),
    },
    { id: 'mode', header: text('column.mode'), cell: ({ row: { original } }) => original.mode },
    {
      id: 'done',
      header: text('column.done'),
      cell: ({
        row: {
          original: { done },
        },
      }) => say({ key: 'rotation.done', values: { count: done.backups, bytes: { bytes: done.bytes } } }),
    },
    {
      id: 'failed',
      header: text('column.failed'),
      cell: ({ row: { original } }) => format.count(original.failed.backups),
    },
    { id: 'keyId', header: text('column.newKey'), cell: ({ row: { original } }) => original.keyId ?? '–' },
    { id: 'by', header: text('column.by'), cell: ({ row: { original } }) => original.by ?? original.trigger },
  ];
}
