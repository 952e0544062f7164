import React from 'react';
import { css } from '@emotion/css';
import { Badge, Stack, Text, Tooltip, type Column } from '@grafana/ui';
import type { Schedule, Slot } from '../../api/answers.ts';
import type { Operation } from '../../api/useOperation.ts';
import { When } from '../../components/When.tsx';
import { keyOf, named } from '../../hosts/hosts.ts';
import type { Objection } from '../../permission/usePermission.ts';
import type { Words } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';
import { ScheduleActions } from './ScheduleActions.tsx';

interface Given {
  readonly words: Words;
  /** The next of each, by its key. */
  readonly slots: ReadonlyMap<string, Slot>;
  readonly objection: Objection;
  readonly operation: Operation;
  readonly explain: (schedule: Schedule) => void;
}

const priorityKeys: Readonly<Record<Schedule['priority'], MessageKey>> = {
  critical: 'priority.critical',
  high: 'priority.high',
  medium: 'priority.medium',
  low: 'priority.low',
};
const weights: Readonly<Record<Schedule['priority'], number>> = { critical: 0, high: 1, medium: 2, low: 3 };

/** The weightiest first. */
export function byPriority(a: Schedule, b: Schedule): number {
  return weights[a.priority] - weights[b.priority] || (named(a.id, a.host) < named(b.id, b.host) ? -1 : 1);
}

export function scheduleColumns({ words, slots, objection, operation, explain }: Given): Column<Schedule>[] {
  const { text } = words;
  return [
    {
      id: 'id',
      header: text('column.schedule'),
      sortType: 'string',
      cell: ({ row: { original } }) => (
        <Stack direction="column" gap={0}>
          <Text weight="medium">{original.id}</Text>
          <div className={short} title={original.source.label}>
            <Text variant="bodySmall" color="secondary">
              {original.source.label}
            </Text>
          </div>
        </Stack>
      ),
    },
    {
      id: 'priority',
      header: text('column.priority'),
      sortType: (a, b) => weights[a.original.priority] - weights[b.original.priority],
      cell: ({ row: { original } }) => text(priorityKeys[original.priority]),
    },
    { id: 'when', header: text('column.when'), cell: ({ row: { original } }) => whenOf(original, words) },
    {
      id: 'nextRunAt',
      header: text('column.next'),
      sortType: (a, b) => startOf(a.original) - startOf(b.original),
      cell: ({ row: { original } }) => (
        <Next schedule={original} slot={slots.get(keyOf(original))} words={words} />
      ),
    },
    {
      id: 'lastSuccessAt',
      header: text('column.lastSuccess'),
      sortType: (a, b) => (a.original.lastSuccessAt ?? '').localeCompare(b.original.lastSuccessAt ?? ''),
      cell: ({ row: { original } }) => <When at={original.lastSuccessAt} never={text('never')} />,
    },
    { id: 'usual', header: text('column.usual'), cell: ({ row: { original } }) => usualOf(original, words) },
    {
      id: 'actions',
      header: '',
      disableGrow: true,
      cell: ({ row: { original } }) => (
        <ScheduleActions
          schedule={original}
          objection={objection}
          operation={operation}
          onExplain={() => explain(original)}
        />
      ),
    },
  ];
}

/** Paths would push what can be done out of sight. */
const short = css({ maxWidth: '26ch', overflow: 'hidden', textOverflow: 'ellipsis' });

function whenOf({ cron, everySeconds, window }: Schedule, { say }: Words): string {
  const every = { seconds: everySeconds ?? 0 };
  const how =
    cron ??
    (every.seconds === 86_400
      ? say({ key: 'schedule.daily' })
      : say({ key: 'schedule.every', values: { time: every } }));
  return window === undefined ? how : `${how}, ${window.start}–${window.end}`;
}

function usualOf(schedule: Schedule, { format }: Words): string {
  const { expected, estimatedDurationSeconds } = schedule;
  const duration = format.duration(expected?.durationSeconds ?? estimatedDurationSeconds);
  return expected?.storedBytes === undefined ? duration : `${duration}, ${format.size(expected.storedBytes)}`;
}

function startOf({ nextRunAt, paused }: Schedule): number {
  return paused || nextRunAt === undefined ? Infinity : Date.parse(nextRunAt);
}

interface NextProps {
  readonly schedule: Schedule;
  readonly slot: Slot | undefined;
  readonly words: Words;
}

function Next({ schedule, slot, words: { text } }: NextProps): React.JSX.Element {
  const { paused, runningRunId, deferral, nextRunAt } = schedule;
  if (runningRunId !== undefined) return <Badge color="blue" icon="sync" text={text('run.running')} />;
  if (paused) return <Badge color="orange" icon="pause" text={text('schedule.paused')} />;
  return (
    <Stack alignItems="center">
      <When at={slot?.start ?? nextRunAt} />
      {deferral !== undefined && (
        <Tooltip content={deferral.text}>
          <span>
            <Badge color="orange" icon="clock-nine" text={text('schedule.waits')} />
          </span>
        </Tooltip>
      )}
    </Stack>
  );
}
