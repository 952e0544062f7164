import React, { type ReactNode } from 'react';
import { css } from '@emotion/css';
import { Alert, Drawer, Stack } from '@grafana/ui';
import type { BackupRun } from '../api/answers.ts';

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** All about one thing, at the side. What tools have said breaks anywhere, and what is longer than the screen scrolls by keys too. */
export function DetailsDrawer({ title, onClose, children }: Props): React.JSX.Element {
  return (
    <Drawer title={title} onClose={onClose} size="md">
      <div role="region" aria-label={title} tabIndex={0} className={breaks}>
        <Stack direction="column" gap={3}>
          {children}
        </Stack>
      </div>
    </Drawer>
  );
}

/** Why it failed, and what else was odd about it. */
export function Mishaps({ error, warnings }: Pick<BackupRun, 'error' | 'warnings'>): React.JSX.Element {
  return (
    <>
      {error !== undefined && (
        <Alert severity="error" title={error.message}>
          {error.hint}
        </Alert>
      )}
      {warnings.map((warning, index) => (
        <Alert key={index} severity="warning" title={warning} />
      ))}
    </>
  );
}

const breaks = css({ overflowWrap: 'anywhere' });
