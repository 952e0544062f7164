import React from 'react';
import { Button } from '@grafana/ui';
import type { Operation } from '../../api/useOperation.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly schedule: string;
  readonly operation: Operation;
  /** Undefined: it may be cancelled. */
  readonly whyNot: string | undefined;
  readonly onClick: () => void;
}

export function CancelButton({ schedule, operation, whyNot, onClick }: Props): React.JSX.Element {
  const { text } = useWords();
  return (
    <Button
      size="sm"
      variant="destructive"
      fill="outline"
      aria-label={`${text('action.cancel')}: ${schedule}`}
      disabled={whyNot !== undefined || operation.pending !== undefined}
      {...(whyNot !== undefined && { tooltip: whyNot })}
      onClick={onClick}
    >
      {text('action.cancel')}
    </Button>
  );
}
