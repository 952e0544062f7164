import { Alert } from '@grafana/ui';
import React from 'react';
import type { Refusal } from '../../rotation/rotation.ts';

/** What the exporter said no with, in its own words. */
export function RefusalAlert({ refusal }: { readonly refusal: Refusal }): React.ReactElement {
  const { detail, hint, code } = refusal;
  return (
    <Alert severity="error" title={detail}>
      {hint}
      {code !== undefined && (
        <>
          {' '}
          <code>{code}</code>
        </>
      )}
    </Alert>
  );
}
