import React from 'react';
import { Badge, Button, Stack, type Column } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { When } from '../../components/When.tsx';
import type { Words } from '../../words/useWords.ts';
import { CopyBadge } from './CopyBadge.tsx';

export function backupColumns(words: Words, open: (backup: Backup) => void): Column<Backup>[] {
  const { text, format } = words;
  return [
    {
      id: 'createdAt',
      header: text('column.made'),
      sortType: (a, b) => a.original.createdAt.localeCompare(b.original.createdAt),
      cell: ({ row: { original } }) => (
        <Button fill="text" size="sm" onClick={() => open(original)}>
          {format.moment(Date.parse(original.createdAt))}
        </Button>
      ),
    },
    { id: 'schedule', header: text('column.schedule'), sortType: 'string' },
    {
      id: 'sizeBytes',
      header: text('column.size'),
      sortType: 'number',
      cell: ({ row: { original } }) => format.size(original.sizeBytes),
    },
    {
      id: 'storedBytes',
      header: text('column.stored'),
      sortType: 'number',
      cell: ({ row: { original } }) => format.size(original.storedBytes),
    },
    {
      id: 'copies',
      header: text('column.copies'),
      cell: ({ row: { original } }) => (
        <Stack gap={0.5}>
          {original.copies.map((copy) => (
            <CopyBadge key={copy.store} copy={copy} />
          ))}
        </Stack>
      ),
    },
    {
      id: 'verified',
      header: text('column.verified'),
      sortType: (a, b) => verifiedAt(a.original).localeCompare(verifiedAt(b.original)),
      cell: ({ row: { original } }) => {
        const at = verifiedAt(original);
        return <When at={at === '' ? undefined : at} never={text('never')} />;
      },
    },
    { id: 'keyId', header: text('column.key'), sortType: 'string' },
    {
      id: 'warnings',
      header: '',
      disableGrow: true,
      cell: ({ row: { original } }) =>
        original.warnings.length === 0 ? null : (
          <Badge color="orange" icon="exclamation-triangle" text={format.count(original.warnings.length)} />
        ),
    },
  ];
}

/** The last time that any copy was; '' for never. */
function verifiedAt({ copies }: Backup): string {
  return copies.reduce((latest, { verifiedAt: at = '' }) => (at > latest ? at : latest), '');
}
