import React from 'react';
import { Button, Dropdown, IconButton, Menu, Stack } from '@grafana/ui';
import type { Schedule } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { keyOf, named } from '../../hosts/hosts.ts';
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
  const { id, host, runningRunId } = schedule;
  const { pending, perform } = operation;
  const name = named(id, host);
  const isRunning = runningRunId !== undefined;
  const running = `run ${keyOf(schedule)}`;
  const whyNotRun = objection('run', host) ?? (isRunning ? text('schedule.runs') : undefined);
  const run = (): void =>
    void perform(
      running,
      (key) => exporter.runSchedule(id, key, host),
      () => ({ key: 'done.run', values: { schedule: name } }),
    );
  return (
    <Stack gap={0.5} justifyContent="flex-end">
      <Button
        size="sm"
        variant="secondary"
        icon={pending === running ? 'spinner' : 'play'}
        aria-label={`${text('action.run')}: ${name}`}
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
        aria-label={`${text('action.why')} ${name}`}
        onClick={onExplain}
      >
        {text('action.why')}
      </Button>
      <Dropdown overlay={<More {...{ schedule, objection, operation }} />} placement="bottom-end">
        <IconButton name="ellipsis-v" aria-label={`${text('action.more')}: ${name}`} />
      </Dropdown>
    </Stack>
  );
}

function More({ schedule, objection, operation }: Omit<Props, 'onExplain'>): React.JSX.Element {
  const { text } = useWords();
  const { id, host, paused } = schedule;
  const name = keyOf(schedule);
  const values = { schedule: named(id, host) };
  const { perform } = operation;
  const whyNotPause = objection('pause', host);
  const whyNotSkip = objection('skip', host);
  const whyNotDrill = objection('verify', host);
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
              `resume ${name}`,
              (key) => exporter.resume(id, key, host),
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
              `pause ${name}`,
              (key) => exporter.pause(id, key, host),
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
            `skip ${name}`,
            (key) => exporter.skipNext(id, key, host),
            (now) =>
              now === undefined
                ? { key: 'done.skipThere', values }
                : {
                    key: 'done.skip',
                    values: {
                      ...values,
                      at: now.nextRunAt === undefined ? '–' : { at: Date.parse(now.nextRunAt) },
                    },
                  },
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
            `drill ${name}`,
            (key) => exporter.drill(id, key),
            () => ({ key: 'done.drill', values }),
          )
        }
      />
    </Menu>
  );
}
