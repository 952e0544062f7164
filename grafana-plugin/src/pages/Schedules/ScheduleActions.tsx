import React from 'react';
import { Button, Dropdown, IconButton, Menu, Stack } from '@grafana/ui';
import type { Schedule } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import type { Objection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly schedule: Schedule;
  readonly objection: Objection;
  readonly operation: Operation;
  readonly onExplain: () => void;
}

export function ScheduleActions({ schedule, objection, operation, onExplain }: Props): React.JSX.Element {
  const { text } = useWords();
  const { id, runningRunId } = schedule;
  const { pending, perform } = operation;
  const values = { schedule: id };
  const isRunning = runningRunId !== undefined;
  const whyNotRun = objection('run') ?? (isRunning ? text('schedule.runs') : undefined);
  const run = (): void =>
    void perform(
      `run ${id}`,
      (key) => exporter.runSchedule(id, key),
      () => ({ key: 'done.run', values }),
    );
  return (
    <Stack gap={0.5} justifyContent="flex-end">
      <Button
        size="sm"
        variant="secondary"
        icon={pending === `run ${id}` ? 'spinner' : 'play'}
        aria-label={`${text('action.run')}: ${id}`}
        disabled={whyNotRun !== undefined || pending !== undefined}
        {...(whyNotRun !== undefined && { tooltip: whyNotRun })}
        onClick={run}
      >
        {text('action.run')}
      </Button>
      <Button
        size="sm"
        variant="secondary"
        fill="text"
        aria-label={`${text('action.why')} ${id}`}
        onClick={onExplain}
      >
        {text('action.why')}
      </Button>
      <Dropdown overlay={<More {...{ schedule, objection, operation }} />} placement="bottom-end">
        <IconButton name="ellipsis-v" aria-label={`${text('action.more')}: ${id}`} />
      </Dropdown>
    </Stack>
  );
}

function More({ schedule, objection, operation }: Omit<Props, 'onExplain'>): React.JSX.Element {
  const { text } = useWords();
  const { id, paused } = schedule;
  const values = { schedule: id };
  const { perform } = operation;
  const whyNotPause = objection('pause');
  const whyNotSkip = objection('skip');
  const whyNotDrill = objection('verify');
  return (
    <Menu>
      {paused ? (
        <Menu.Item
          label={text('action.resume')}
          icon="play"
          disabled={whyNotPause !== undefined}
          {...(whyNotPause !== undefined && { description: whyNotPause })}
          onClick={() =>
            void perform(
              `resume ${id}`,
              (key) => exporter.resume(id, key),
              () => ({ key: 'done.resume', values }),
            )
          }
        />
      ) : (
        <Menu.Item
          label={text('action.pause')}
          icon="pause"
          disabled={whyNotPause !== undefined}
          {...(whyNotPause !== undefined && { description: whyNotPause })}
          onClick={() =>
            void perform(
              `pause ${id}`,
              (key) => exporter.pause(id, key),
              () => ({ key: 'done.pause', values }),
            )
          }
        />
      )}
      <Menu.Item
        label={text('action.skip')}
        icon="forward"
        disabled={whyNotSkip !== undefined}
        {...(whyNotSkip !== undefined && { description: whyNotSkip })}
        onClick={() =>
          void perform(
            `skip ${id}`,
            (key) => exporter.skipNext(id, key),
            ({ nextRunAt }) => ({
              key: 'done.skip',
              values: { ...values, at: nextRunAt === undefined ? '–' : { at: Date.parse(nextRunAt) } },
            }),
          )
        }
      />
      <Menu.Item
        label={text('action.drill')}
        icon="history"
        disabled={whyNotDrill !== undefined}
        {...(whyNotDrill !== undefined && { description: whyNotDrill })}
        onClick={() =>
          void perform(
            `drill ${id}`,
            (key) => exporter.drill(id, key),
            () => ({ key: 'done.drill', values }),
          )
        }
      />
    </Menu>
  );
}
