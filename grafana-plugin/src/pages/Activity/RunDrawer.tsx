import React from 'react';
import { Alert, Drawer, Stack, TextLink } from '@grafana/ui';
import type { BackupRun } from 'lowtide/api';
import { Facts } from '../../components/Facts.tsx';
import { RunBadge } from '../../components/RunBadge.tsx';
import { appPath } from '../../constants.ts';
import { linkTo } from '../../lib/link.ts';
import { useWords, type Words } from '../../words/useWords.ts';
import { secondsOf } from './columns.tsx';
import { RunLog } from './RunLog.tsx';

interface Props {
  readonly run: BackupRun;
  readonly onClose: () => void;
}

/** One run: how it ended and why, what it took of the host, and what it met there. */
export function RunDrawer({ run, onClose }: Props): React.JSX.Element {
  const words = useWords();
  const { say, text, format } = words;
  const { schedule, startedAt, finishedAt, error, warnings, backupId, sizeBytes, storedBytes } = run;
  const moment = (at: string | undefined): string | undefined => at && format.moment(Date.parse(at));
  const title = say({ key: 'run.title', values: { schedule, at: { at: Date.parse(startedAt) } } });
  return (
    <Drawer title={title} onClose={onClose} size="md">
      <Stack direction="column" gap={3}>
        {error !== undefined && (
          <Alert severity="error" title={error.message}>
            {error.hint}
          </Alert>
        )}
        {warnings.map((warning) => (
          <Alert key={warning} severity="warning" title={warning} />
        ))}
        <Facts
          facts={[
            ['ID', <code key="id">{run.id}</code>],
            [text('column.status'), <RunBadge key="status" status={run.status} />],
            [text('run.due'), moment(run.dueAt)],
            [text('column.started'), moment(startedAt)],
            [text('run.ended'), moment(finishedAt)],
            [text('column.duration'), format.duration(secondsOf(run))],
            [text('run.stopped'), run.pausedSeconds > 0 ? format.duration(run.pausedSeconds) : undefined],
            [text('column.size'), sizeBytes === undefined ? undefined : format.size(sizeBytes)],
            [text('column.stored'), storedBytes === undefined ? undefined : format.size(storedBytes)],
            [
              text('run.backup'),
              backupId && (
                <TextLink
                  href={linkTo(`${appPath}/backups?backup=${encodeURIComponent(backupId)}`)}
                  inline={false}
                >
                  {backupId}
                </TextLink>
              ),
            ],
            ...unusualOf(run, words),
            ...loadOf(run, words),
          ]}
        />
        <RunLog run={run} />
      </Stack>
    </Drawer>
  );
}

type Fact = readonly [string, string | undefined];

function unusualOf({ unusual = [] }: BackupRun, { text, say, format }: Words): Fact[] {
  return unusual.map(({ figure, value, low, high }) => {
    const shown = (number: number): string =>
      figure === 'duration' ? format.duration(number) : format.size(number);
    const values = { value: shown(value), low: shown(low), high: shown(high) };
    return [text('run.unusual'), say({ key: 'run.beyond', values })];
  });
}

function loadOf({ use, load }: BackupRun, { text, format }: Words): Fact[] {
  return [
    [
      text('run.use'),
      use &&
        `${text('load.cpu')} ${format.percent(use.cpu)}, ${text('load.memory')} ${format.percent(use.memory)}`,
    ],
    [text('run.met'), load && format.percent(load.met)],
    [
      text('run.best'),
      load?.best && `${format.percent(load.best.load)}, ${format.moment(Date.parse(load.best.start))}`,
    ],
  ];
}
