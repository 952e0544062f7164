import React from 'react';
import { Icon, Stack, Text, TextLink } from '@grafana/ui';
import type { Drill } from '../../api/answers.ts';
import { DetailsDrawer, Mishaps } from '../../components/DetailsDrawer.tsx';
import { Facts } from '../../components/Facts.tsx';
import { named } from '../../hosts/hosts.ts';
import { backupLink } from '../../hosts/host-links.ts';
import { useWords, type Words } from '../../words/useWords.ts';
import { DrillStatus } from './drill-columns.tsx';

interface Props {
  readonly drill: Drill;
  readonly onClose: () => void;
}

/** One restore for practice: what came back, how soon, how old it was, and what was found wrong with it. */
export function DrillDrawer({ drill, onClose }: Props): React.JSX.Element {
  const words = useWords();
  const { say, text, format } = words;
  const { schedule, startedAt, finishedAt, error, warnings, backupId, restoreSeconds, checks, host } = drill;
  const title = say({
    key: 'run.title',
    values: { schedule: named(schedule, host), at: { at: Date.parse(startedAt) } },
  });
  return (
    <DetailsDrawer title={title} onClose={onClose}>
      <Mishaps error={error} warnings={warnings} />
      <Facts
        facts={[
          ['ID', <code key="id">{drill.id}</code>],
          [text('column.status'), <DrillStatus key="status" drill={drill} words={words} />],
          [text('column.started'), format.moment(Date.parse(startedAt))],
          [text('run.ended'), finishedAt && format.moment(Date.parse(finishedAt))],
          [text('drill.restore'), restoreSeconds === undefined ? undefined : format.duration(restoreSeconds)],
          [text('drill.dataAge'), format.duration(drill.dataAgeSeconds)],
          [text('drill.contents'), contentsOf(drill, words)],
          [text('copy.store'), drill.store],
          [
            text('run.backup'),
            <TextLink key="backup" href={backupLink(backupId, host)} inline={false}>
              {backupId}
            </TextLink>,
          ],
        ]}
      />
      {checks.length > 0 && <Checks checks={checks} words={words} />}
    </DetailsDrawer>
  );
}

function contentsOf({ contents = {} }: Drill, { say, format }: Words): string {
  const { tables, rows, files, bytes } = contents;
  return [
    tables === undefined ? '' : say({ key: 'drill.tables', values: { count: tables } }),
    rows === undefined ? '' : say({ key: 'drill.rows', values: { count: rows } }),
    files === undefined ? '' : say({ key: 'drill.files', values: { count: files } }),
    bytes === undefined ? '' : format.size(bytes),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

interface ChecksProps {
  readonly checks: Drill['checks'];
  readonly words: Words;
}

function Checks({ checks, words: { text } }: ChecksProps): React.JSX.Element {
  return (
    <section aria-label={text('drill.checks')}>
      <Text element="h3" variant="h5">
        {text('drill.checks')}
      </Text>
      <Stack direction="column" gap={0.5}>
        {checks.map(({ name, status, message }) => (
          <Stack key={name} gap={1} alignItems="baseline">
            <Icon
              name={status === 'passed' ? 'check' : 'exclamation-triangle'}
              title={text(status === 'passed' ? 'drill.passed' : 'run.failed')}
            />
            <span>
              {name}: {message}
            </span>
          </Stack>
        ))}
      </Stack>
    </section>
  );
}
