import React from 'react';
import { Badge, type BadgeColor, type Column, type IconName } from '@grafana/ui';
import type { Drill } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { Progress } from '../../components/Progress.tsx';
import { keyOf, named } from '../../hosts/hosts.ts';
import type { Objection } from '../../permission/usePermission.ts';
import type { Words } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';
import { CancelButton } from './CancelButton.tsx';
import { startedColumn } from './columns.tsx';

const looks: Readonly<
  Record<Exclude<Drill['status'], 'running'>, readonly [BadgeColor, IconName, MessageKey]>
> = {
  passed: ['green', 'check', 'drill.passed'],
  failed: ['red', 'exclamation-triangle', 'run.failed'],
  cancelled: ['orange', 'times', 'run.cancelled'],
  interrupted: ['orange', 'bolt', 'run.interrupted'],
};

interface StatusProps {
  readonly drill: Drill;
  readonly words: Words;
}

/** How far it is, or how it ended. */
export function DrillStatus({ drill, words: { text } }: StatusProps): React.JSX.Element {
  const { status, schedule, host, progress } = drill;
  if (status === 'running') {
    return <Progress label={`${text('run.running')}: ${named(schedule, host)}`} progress={progress} />;
  }
  const [color, icon, key] = looks[status];
  return <Badge color={color} icon={icon} text={text(key)} />;
}

interface Given {
  readonly words: Words;
  readonly objection: Objection;
  readonly operation: Operation;
  /** By its key. */
  readonly open: (drill: string) => void;
}

export function drillColumns({ words, objection, operation, open }: Given): Column<Drill>[] {
  const { text, format } = words;
  return [
    startedColumn<Drill>(words, (drill) => open(keyOf(drill))),
    { id: 'schedule', header: text('column.schedule'), sortType: 'string' },
    {
      id: 'status',
      header: text('column.status'),
      sortType: 'string',
      cell: ({ row: { original } }) => <DrillStatus drill={original} words={words} />,
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
    {
      id: 'actions',
      header: '',
      disableGrow: true,
      cell: ({
        row: {
          original: { id, host, schedule, status },
        },
      }) =>
        status === 'running' ? (
          <CancelButton
            schedule={named(schedule, host)}
            operation={operation}
            whyNot={objection('cancel') ?? objection('verify', host)}
            onClick={() =>
              void operation.perform(
                `cancel drill ${id}`,
                (key) => exporter.cancelDrill(id, key),
                () => ({ key: 'done.cancelDrill', values: { schedule: named(schedule, host) } }),
              )
            }
          />
        ) : null,
    },
  ];
}
