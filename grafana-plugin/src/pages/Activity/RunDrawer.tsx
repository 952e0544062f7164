import React, { useCallback } from 'react';
import { TextLink } from '@grafana/ui';
import type { BackupRun } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import { usePolling } from '../../api/usePolling.ts';
import { DetailsDrawer, Mishaps } from '../../components/DetailsDrawer.tsx';
import { Facts } from '../../components/Facts.tsx';
import { named } from '../../hosts/hosts.ts';
import { backupLink } from '../../hosts/host-links.ts';
import { useWords, type Words } from '../../words/useWords.ts';
import { RunStatus, secondsOf } from './columns.tsx';
import { RunLog, type RunTold } from './RunLog.tsx';

const followMs = 1500;
/** What follows a run's end: its copies are read back. */
const lookAgainMs = 15_000;

interface Props {
  /** As it was when it was opened. */
  readonly opened: BackupRun;
  readonly onClose: () => void;
}

/** One run: how it ended and why, what it took of the host, and what it met there. */
export function RunDrawer({ opened, onClose }: Props): React.JSX.Element {
  const words = useWords();
  const { id, host } = opened;
  const ask = useCallback(async (): Promise<RunTold> => {
    const [run, { lines }] = await Promise.all([exporter.run(id, host), exporter.runLog(id, host)]);
    return { run, lines };
  }, [id, host]);
  const polled = usePolling(ask, (told) =>
    (told?.run ?? opened).status === 'running' ? followMs : lookAgainMs,
  );
  const asked = polled.data?.run;
  const run = asked?.kind === 'backup' ? asked : opened;
  const { say, text, format } = words;
  const { schedule, startedAt, finishedAt, error, warnings, backupId, sizeBytes, storedBytes } = run;
  const moment = (at: string | undefined): string | undefined => at && format.moment(Date.parse(at));
  const title = say({
    key: 'run.title',
    values: { schedule: named(schedule, host), at: { at: Date.parse(startedAt) } },
  });
  return (
    <DetailsDrawer title={title} onClose={onClose}>
      <Mishaps error={error} warnings={warnings} />
      <Facts
        facts={[
          ['ID', <code key="id">{run.id}</code>],
          [text('column.status'), <RunStatus key="status" run={run} words={words} />],
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
              <TextLink href={backupLink(backupId, host)} inline={false}>
                {backupId}
              </TextLink>
            ),
          ],
          ...unusualOf(run, words),
          ...loadOf(run, words),
        ]}
      />
      <RunLog polled={polled} />
    </DetailsDrawer>
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
