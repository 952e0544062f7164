import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Button, Icon, useStyles2 } from '@grafana/ui';
import type { RequestFailure } from '../api/failure.ts';
import type { Polled } from '../api/usePolling.ts';
import type { EpochMs } from '../format/format.ts';
import { useWords } from '../words/useWords.ts';
import { useNow } from './useNow.ts';

const lookMs = 15_000;

/** Above what is still shown though the last request for it failed: why, and how old it is. Otherwise nothing. */
export function StaleNote({ polled }: { readonly polled: Polled<unknown> }): React.JSX.Element | null {
  const { failure, updatedAt, refresh } = polled;
  if (failure === undefined || updatedAt === undefined) return null;
  return <Note failure={failure} updatedAt={updatedAt} refresh={refresh} />;
}

interface NoteProps {
  readonly failure: RequestFailure;
  readonly updatedAt: EpochMs;
  readonly refresh: () => void;
}

function Note({ failure, updatedAt, refresh }: NoteProps): React.JSX.Element {
  const { say, text } = useWords();
  const styles = useStyles2(getStyles);
  const since = { ago: (useNow(lookMs) - updatedAt) / 1000 };
  return (
    <div className={styles.note}>
      <Icon name="exclamation-triangle" size="sm" />
      <span>
        {/* Its age changes all the time, and is not to be read out every time. */}
        <span role="status">{say(failure.message)}</span> {say({ key: 'state.stale', values: { since } })}
      </span>
      <Button size="sm" fill="text" onClick={refresh}>
        {text('failure.retry')}
      </Button>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  note: css({
    flex: 'none',
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(0.75),
    color: theme.colors.warning.text,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
});
