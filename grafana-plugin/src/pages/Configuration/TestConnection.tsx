import React, { useState } from 'react';
import { Alert, Button, Stack } from '@grafana/ui';
import type { Status } from 'lowtide/api';
import { failureOf, RequestError, type RequestFailure } from '../../api/failure.ts';
import { exporter } from '../../api/grafana.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { useWords } from '../../words/useWords.ts';

interface Props {
  /** Why it cannot be tested now. */
  readonly whyNot?: string;
}

type Result = { readonly status: Status } | { readonly failure: RequestFailure };

/** Asks the exporter who it is and what the token may do, the way every page asks it: by the settings that are saved. */
export function TestConnection({ whyNot }: Props): React.JSX.Element {
  const { text } = useWords();
  const [result, setResult] = useState<Result>();
  const [isTesting, setTesting] = useState(false);
  const test = async (): Promise<void> => {
    setTesting(true);
    setResult(undefined);
    try {
      setResult({ status: await exporter.status() });
    } catch (error) {
      setResult({ failure: error instanceof RequestError ? error.failure : failureOf({}) });
    } finally {
      setTesting(false);
    }
  };
  return (
    <Stack direction="column" gap={2}>
      <div>
        <Button
          variant="secondary"
          icon={isTesting ? 'spinner' : 'plug'}
          disabled={whyNot !== undefined || isTesting}
          {...(whyNot !== undefined && { tooltip: whyNot })}
          onClick={() => void test()}
        >
          {text('config.test')}
        </Button>
      </div>
      <div aria-live="polite">
        {result !== undefined && 'status' in result && <Connected status={result.status} />}
        {result !== undefined && 'failure' in result && (
          <FailureAlert failure={result.failure} onRetry={() => void test()} />
        )}
      </div>
    </Stack>
  );
}

function Connected({
  status: { instance, version, caller },
}: {
  readonly status: Status;
}): React.JSX.Element {
  const { say, text } = useWords();
  const values = { instance, version };
  return (
    <Alert severity="success" title={say({ key: 'config.connected', values })}>
      {say({ key: 'config.role', values: { token: caller.token ?? '–', role: caller.role } })}{' '}
      {caller.role !== 'admin' &&
        text(caller.role === 'viewer' ? 'config.viewerToken' : 'config.operatorToken')}
    </Alert>
  );
}
