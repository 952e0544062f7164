import React from 'react';
import { Tooltip } from '@grafana/ui';
import { now } from '../lib/clock.ts';
import { useWords } from '../words/useWords.ts';

interface Props {
  /** RFC 3339 */
  readonly at: string | undefined;
  /** What is shown where there is none. */
  readonly never?: string;
}

/** A moment as people say it, and exactly where one points at it. */
export function When({ at, never = '–' }: Props): React.JSX.Element {
  const { format } = useWords();
  if (at === undefined) return <span>{never}</span>;
  const moment = Date.parse(at);
  return (
    <Tooltip content={format.moment(moment)}>
      <time dateTime={at}>{format.relative((moment - now()) / 1000)}</time>
    </Tooltip>
  );
}
