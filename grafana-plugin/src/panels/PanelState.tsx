import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, ErrorBoundary, Icon, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { Polled } from '../api/usePolling.ts';
import { FailureAlert } from '../components/FailureAlert.tsx';
import type { EpochMs } from '../format/format.ts';
import type { Words } from '../words/useWords.ts';

export interface PanelStateProps<T> {
  readonly polled: Polled<T>;
  readonly now: EpochMs;
  readonly words: Words;
  readonly children: (data: T) => React.ReactNode;
}

/** What is known, with a word beside it where that is old; before anything is known, why. */
export function PanelState<T>({ polled, now, words, children }: PanelStateProps<T>): React.ReactElement {
  const styles = useStyles2(getStyles);
  const { data, failure, updatedAt, refresh } = polled;
  if (data === undefined) {
    return (
      <div className={styles.alone}>
        {failure === undefined ? (
          <LoadingPlaceholder text={words.text('panel.loading')} />
        ) : (
          <FailureAlert failure={failure} onRetry={refresh} />
        )}
      </div>
    );
  }
  return (
    <ErrorBoundary dependencies={[data]}>
      {({ error }) => (
        <div className={styles.panel}>
          {failure !== undefined && updatedAt !== undefined && (
            <div className={styles.stale} role="status">
              <Icon name="exclamation-triangle" size="sm" />
              <span>
                {words.say(failure.message)}{' '}
                {words.say({ key: 'panel.staleSince', values: { since: { ago: (now - updatedAt) / 1000 } } })}
              </span>
              <Button size="sm" fill="text" onClick={refresh}>
                {words.text('failure.retry')}
              </Button>
            </div>
          )}
          <div className={styles.content}>
            {error === null ? (
              children(data)
            ) : (
              <Alert severity="error" title={words.text('panel.broken')}>
                {error.message}
              </Alert>
            )}
          </div>
        </div>
      )}
    </ErrorBoundary>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  alone: css({
    height: '100%',
    display: 'flex',
    flexDirection: 'column',
    justifyContent: 'center',
    alignItems: 'center',
    overflow: 'auto',
  }),
  panel: css({ height: '100%', display: 'flex', flexDirection: 'column', gap: theme.spacing(0.5) }),
  content: css({ flex: 1, minHeight: 0, overflow: 'auto' }),
  stale: css({
    flex: 'none',
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'center',
    gap: theme.spacing(0.75),
    color: theme.colors.warning.text,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
});
