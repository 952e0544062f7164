import React from 'react';
import { Badge, Button, Stack, Text, TextLink, type BadgeColor, type Column } from '@grafana/ui';
import type { Key } from 'lowtide/api';
import { appPath } from '../../constants.ts';
import { now } from '../../lib/clock.ts';
import { linkTo } from '../../lib/link.ts';
import type { Objection } from '../../permission/usePermission.ts';
import type { Words } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

interface Given {
  readonly words: Words;
  /** The age at which a key is to be rotated, in seconds. */
  readonly policy: number | undefined;
  readonly objection: Objection;
  readonly retire: (id: string) => void;
}

const states: Readonly<Record<Key['state'], readonly [BadgeColor, MessageKey]>> = {
  active: ['green', 'key.active'],
  retiring: ['orange', 'key.retiring'],
  retired: ['purple', 'key.retired'],
  destroyed: ['red', 'key.destroyed'],
};
const purposes: Readonly<Record<Key['purpose'], MessageKey>> = {
  backup: 'purpose.backup',
  recovery: 'purpose.recovery',
  restore: 'purpose.restore',
};

export function keyColumns({ words, policy, objection, retire }: Given): Column<Key>[] {
  const { text, format, say } = words;
  return [
    {
      id: 'id',
      header: text('column.key'),
      sortType: 'string',
      cell: ({ row: { original } }) => (
        <Stack direction="column" gap={0}>
          <Text weight="medium">{original.id}</Text>
          <Text variant="bodySmall" color="secondary">
            {shortened(original.recipient)}
          </Text>
        </Stack>
      ),
    },
    {
      id: 'state',
      header: text('column.state'),
      sortType: 'string',
      cell: ({ row: { original } }) => {
        const [color, key] = states[original.state];
        return <Badge color={color} text={text(key)} />;
      },
    },
    {
      id: 'purpose',
      header: text('column.purpose'),
      cell: ({ row: { original } }) => text(purposes[original.purpose]),
    },
    {
      id: 'createdAt',
      header: text('column.age'),
      sortType: (a, b) => a.original.createdAt.localeCompare(b.original.createdAt),
      cell: ({ row: { original } }) => {
        const age = (now() - Date.parse(original.createdAt)) / 1000;
        const isOld = policy !== undefined && original.state === 'active' && age > policy;
        return (
          <Stack alignItems="center">
            <span>{format.duration(age)}</span>
            {isOld && (
              <Badge
                color="orange"
                icon="exclamation-triangle"
                text={say({ key: 'key.old', values: { policy: { seconds: policy } } })}
              />
            )}
          </Stack>
        );
      },
    },
    {
      id: 'backups',
      header: text('column.backups'),
      sortType: 'number',
      cell: ({ row: { original } }) => (
        <TextLink href={linkTo(`${appPath}/backups?key=${encodeURIComponent(original.id)}`)} inline={false}>
          {format.count(original.backups)}
        </TextLink>
      ),
    },
    {
      id: 'copies',
      header: text('column.copies'),
      sortType: 'number',
      cell: ({ row: { original } }) => format.count(original.copies),
    },
    {
      id: 'bytes',
      header: text('column.stored'),
      sortType: 'number',
      cell: ({ row: { original } }) => format.size(original.bytes),
    },
    {
      id: 'actions',
      header: '',
      disableGrow: true,
      cell: ({ row: { original } }) => {
        if (original.state !== 'retiring' && original.state !== 'active') return null;
        const whyNot = objection('keys') ?? inUse(original, words);
        return (
          <Button
            size="sm"
            variant="secondary"
            fill="text"
            aria-label={`${text('action.retire')}: ${original.id}`}
            disabled={whyNot !== undefined}
            {...(whyNot !== undefined && { tooltip: whyNot })}
            onClick={() => retire(original.id)}
          >
            {text('action.retire')}
          </Button>
        );
      },
    },
  ];
}

function inUse({ state, backups }: Key, { text, say }: Words): string | undefined {
  if (state === 'active') return text('retire.active');
  return backups === 0 ? undefined : say({ key: 'retire.needed', values: { count: backups } });
}

/** Post-quantum recipients are some two thousand characters long. */
function shortened(recipient: string): string {
  return recipient.length <= 24 ? recipient : `${recipient.slice(0, 14)}…${recipient.slice(-6)}`;
}
