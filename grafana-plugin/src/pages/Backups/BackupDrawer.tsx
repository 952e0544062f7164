import React, { useCallback, useState } from 'react';
import { Alert, Button, ClipboardButton, Drawer, Stack, Text, TextLink } from '@grafana/ui';
import type { Backup } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import type { Operation } from '../../api/useOperation.ts';
import { usePolling } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { Facts } from '../../components/Facts.tsx';
import { When } from '../../components/When.tsx';
import { appPath } from '../../constants.ts';
import type { Format } from '../../format/format.ts';
import { linkTo } from '../../lib/link.ts';
import { named } from '../../hosts/hosts.ts';
import type { Objection } from '../../permission/usePermission.ts';
import { useWords } from '../../words/useWords.ts';
import { CopyBadge } from './CopyBadge.tsx';
import { FollowRun } from '../../components/FollowRun.tsx';
import { ManifestSection } from './ManifestSection.tsx';
import { RestoreModal } from './RestoreModal.tsx';

interface Props {
  readonly id: string;
  /** Whose it is, where there are several. */
  readonly host: string | undefined;
  /** As the list has it; absent where it is not in the list. */
  readonly listed: Backup | undefined;
  readonly restoreTargets: readonly string[];
  readonly objection: Objection;
  readonly operation: Operation;
  readonly onClose: () => void;
}

/** All there is to know of a backup, and what can be done with it. */
export function BackupDrawer({
  id,
  host,
  listed,
  restoreTargets,
  objection,
  operation,
  onClose,
}: Props): React.JSX.Element {
  const { say } = useWords();
  const ask = useCallback(() => exporter.backup(id, host), [id, host]);
  const polled = usePolling(ask, 60_000);
  const backup = polled.data ?? listed;
  const title =
    backup === undefined
      ? id
      : say({
          key: 'backup.title',
          values: { schedule: named(backup.schedule, host), at: { at: Date.parse(backup.createdAt) } },
        });
  return (
    <Drawer title={title} onClose={onClose} size="md">
      <Answered polled={{ ...polled, data: backup }}>
        {(known) => (
          <Details
            backup={known}
            host={host}
            restoreTargets={restoreTargets}
            objection={objection}
            operation={operation}
            refresh={polled.refresh}
          />
        )}
      </Answered>
    </Drawer>
  );
}

interface DetailsProps extends Omit<Props, 'id' | 'listed' | 'onClose'> {
  readonly backup: Backup;
  readonly refresh: () => void;
}

function Details({
  backup,
  host,
  restoreTargets,
  objection,
  operation,
  refresh,
}: DetailsProps): React.JSX.Element {
  const { text, say, format } = useWords();
  const [runId, setRunId] = useState<string>();
  const [isRestoring, setRestoring] = useState(false);
  const {
    id,
    schedule,
    source,
    sizeBytes,
    storedBytes,
    keyId,
    createdAt,
    warnings,
    copies,
    status,
    snapshot,
  } = backup;
  const isPruned = status === 'pruned';
  const whyNotVerify = objection('verify', host) ?? (isPruned ? text('backup.isPruned') : undefined);
  const whyNotRestore =
    objection('restore', host) ??
    (isPruned
      ? text('backup.isPruned')
      : snapshot !== undefined
        ? say({ key: 'restore.byTool', values: { tool: snapshot.tool } })
        : restoreTargets.length === 0
          ? text('restore.noTargets')
          : undefined);
  const verify = (): void =>
    void operation.perform(
      `verify ${id}`,
      async (key) => {
        const run = await exporter.verify(id, key);
        setRunId(run.id);
      },
      () => ({ key: 'done.verify' }),
    );
  return (
    <Stack direction="column" gap={3}>
      <Stack wrap="wrap">
        <Button
          icon="shield"
          variant="secondary"
          disabled={whyNotVerify !== undefined || operation.pending !== undefined}
          {...(whyNotVerify !== undefined && { tooltip: whyNotVerify })}
          onClick={verify}
        >
          {text('action.verify')}
        </Button>
        <Button
          icon="history"
          variant="secondary"
          disabled={whyNotRestore !== undefined || operation.pending !== undefined}
          {...(whyNotRestore !== undefined && { tooltip: whyNotRestore })}
          onClick={() => setRestoring(true)}
        >
          {text('action.restore')}
        </Button>
        <ClipboardButton
          icon="copy"
          variant="secondary"
          fill="text"
          getText={() => JSON.stringify(backup, null, 2)}
        >
          {text('action.copyJson')}
        </ClipboardButton>
      </Stack>
      {runId !== undefined && <FollowRun id={runId} onEnd={refresh} />}
      {warnings.length > 0 && (
        <Alert severity="warning" title={text('backup.warnings')}>
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Alert>
      )}
      <Facts
        facts={[
          ['ID', <code key="id">{id}</code>],
          [text('column.schedule'), schedule],
          [text('backup.source'), `${source.type}: ${source.label}`],
          [text('column.made'), format.moment(Date.parse(createdAt))],
          [text('column.size'), format.size(sizeBytes)],
          [text('column.stored'), `${format.size(storedBytes)}${ratioOf(backup, format)}`],
          [text('restore.command'), snapshot && <code key="restore">{snapshot.restoreBy}</code>],
          [
            text('column.key'),
            snapshot === undefined ? (
              <TextLink key="key" href={linkTo(`${appPath}/keys`)} inline={false}>
                {keyId}
              </TextLink>
            ) : undefined,
          ],
        ]}
      />
      <Copies copies={copies} />
      {snapshot === undefined && <ManifestSection id={id} host={host} />}
      {isRestoring && (
        <RestoreModal
          backup={backup}
          host={host}
          targets={restoreTargets}
          operation={operation}
          onStarted={setRunId}
          onClose={() => setRestoring(false)}
        />
      )}
    </Stack>
  );
}

function ratioOf({ sizeBytes, storedBytes }: Backup, format: Format): string {
  return sizeBytes === 0 ? '' : ` (${format.percent(storedBytes / sizeBytes)})`;
}

function Copies({ copies }: Pick<Backup, 'copies'>): React.JSX.Element {
  const { text } = useWords();
  return (
    <section aria-label={text('column.copies')}>
      <Stack direction="column" gap={2}>
        <Text element="h3" variant="h5">
          {text('column.copies')}
        </Text>
        {copies.map((copy) => (
          <Facts
            key={copy.store}
            facts={[
              [text('copy.store'), <CopyBadge key="badge" copy={copy} />],
              [text('copy.path'), <code key="path">{copy.path}</code>],
              [text('column.verified'), <When key="at" at={copy.verifiedAt} never={text('never')} />],
              [text('copy.error'), copy.error],
              [text('copy.pruned'), copy.pruneReason],
            ]}
          />
        ))}
      </Stack>
    </section>
  );
}
