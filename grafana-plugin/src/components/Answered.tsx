import React, { type ReactNode } from 'react';
import { LoadingPlaceholder } from '@grafana/ui';
import type { Polled } from '../api/usePolling.ts';
import { useWords } from '../words/useWords.ts';
import { FailureAlert } from './FailureAlert.tsx';
import { StaleNote } from './StaleNote.tsx';

interface Props<T> {
  readonly polled: Polled<T>;
  readonly children: (data: T) => ReactNode;
}

/** What was answered; until then that it is on its way, or why not. Old answers stay, and are called old. */
export function Answered<T>({ polled, children }: Props<T>): React.JSX.Element {
  const { text } = useWords();
  const { data, failure, refresh } = polled;
  if (data === undefined) {
    if (failure === undefined) return <LoadingPlaceholder text={text('state.loading')} />;
    return <FailureAlert failure={failure} onRetry={refresh} />;
  }
  return (
    <>
      <StaleNote polled={polled} />
      {children(data)}
    </>
  );
}
