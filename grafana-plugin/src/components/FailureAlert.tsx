import React from 'react';
import { css } from '@emotion/css';
import { Alert, Button, LinkButton, Stack } from '@grafana/ui';
import type { FailureKind, RequestFailure } from '../api/failure.ts';
import { configPath } from '../constants.ts';
import { linkTo } from '../lib/link.ts';
import { grafanaRole } from '../permission/usePermission.ts';
import { useWords } from '../words/useWords.ts';
import type { MessageKey } from '../words/words.ts';

interface Props {
  readonly failure: RequestFailure;
  readonly onRetry: () => void;
}

const help: Readonly<Record<FailureKind, MessageKey | undefined>> = {
  noSession: 'help.noSession',
  unreachable: 'help.unreachable',
  timeout: 'help.timeout',
  off: 'help.off',
  token: 'help.token',
  grafanaRole: undefined,
  refused: undefined,
  foreign: 'help.foreign',
  said: undefined,
};

/** Those that an admin can mend where the app is set up. */
const mendable: readonly FailureKind[] = ['unreachable', 'timeout', 'off', 'token', 'foreign'];

/** Why there is nothing to be seen, what helps, and another try. */
export function FailureAlert({ failure, onRetry }: Props): React.JSX.Element {
  const { say, text } = useWords();
  const { kind, status, message, problem } = failure;
  const hint = problem?.hint;
  const helpKey = help[kind];
  return (
    <Alert severity="error" title={say(message)} className={breaks}>
      <Stack direction="column" gap={2}>
        {hint !== undefined && <span>{hint}</span>}
        {helpKey !== undefined && <span>{text(helpKey)}</span>}
        {status > 0 && <small>HTTP {status}</small>}
        <Stack>
          <Button variant="secondary" icon="sync" onClick={onRetry}>
            {text('failure.retry')}
          </Button>
          {mendable.includes(kind) && grafanaRole() === 'Admin' && (
            <LinkButton variant="secondary" fill="outline" icon="cog" href={linkTo(configPath)}>
              {text('nav.configuration')}
            </LinkButton>
          )}
        </Stack>
      </Stack>
    </Alert>
  );
}

/** What an exporter says may have paths and addresses in it. */
const breaks = css({ overflowWrap: 'anywhere' });
