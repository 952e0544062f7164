import React, { useCallback, useEffect } from 'react';
import { Alert, Stack } from '@grafana/ui';
import type { Run } from 'lowtide/api';
import { exporter } from '../api/grafana.ts';
import { usePolling } from '../api/usePolling.ts';
import { useWords } from '../words/useWords.ts';
import type { MessageKey } from '../words/words.ts';
import { Answered } from './Answered.tsx';
import { Progress } from './Progress.tsx';

interface Props {
  readonly id: string;
  readonly onEnd: () => void;
}

const names: Readonly<Record<Run['kind'], MessageKey>> = {
  backup: 'kind.backup',
  verification: 'kind.verification',
  restore: 'kind.restore',
};

/** Watches work that was begun here until it has ended, and then says how. */
export function FollowRun({ id, onEnd }: Props): React.JSX.Element {
  const ask = useCallback(() => exporter.run(id), [id]);
  const polled = usePolling(ask, (run) => (run === undefined || run.status === 'running' ? 1000 : 300_000));
  const { data: run } = polled;
  const hasEnded = run !== undefined && run.status !== 'running';
  useEffect(() => {
    if (hasEnded) onEnd();
  }, [hasEnded, onEnd]);
  return (
    <div aria-live="polite">
      <Answered polled={polled}>{(known) => <Outcome run={known} />}</Answered>
    </div>
  );
}

function Outcome({ run }: { readonly run: Run }): React.JSX.Element {
  const { say, text } = useWords();
  const name = text(names[run.kind]);
  const { status, error, warnings } = run;
  if (status === 'running') return <Progress label={name} progress={run.progress} />;
  if (status === 'completed') {
    return (
      <Alert severity="success" title={say({ key: 'outcome.completed', values: { what: name } })}>
        {warnings.join(' ')}
      </Alert>
    );
  }
  const copies = run.kind === 'verification' ? (run.copies ?? []) : [];
  return (
    <Alert severity="error" title={say({ key: 'outcome.failed', values: { what: name } })}>
      <Stack direction="column" gap={1}>
        {error !== undefined && <span>{error.message}</span>}
        {error?.hint !== undefined && <span>{error.hint}</span>}
        {copies
          .filter((copy) => copy.error !== undefined)
          .map((copy) => (
            <span key={copy.store}>
              {copy.store}: {copy.error?.message}
            </span>
          ))}
      </Stack>
    </Alert>
  );
}
