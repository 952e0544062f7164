import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, ErrorBoundary, Icon, LinkButton, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { RequestFailure } from '../api/failure.ts';
import type { Polled } from '../api/usePolling.ts';
import { configPath } from '../constants.ts';
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
          <Failed failure={failure} words={words} onRetry={refresh} />
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
                {words.text('panel.retry')}
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

/** What a set-up would put right. */
const setUps: ReadonlySet<RequestFailure['kind']> = new Set(['off', 'token', 'foreign', 'unreachable']);

function Failed(props: {
  readonly failure: RequestFailure;
  readonly words: Words;
  readonly onRetry: () => void;
}): React.ReactElement {
  const { failure, words, onRetry } = props;
  const styles = useStyles2(getStyles);
  return (
    <Alert severity="error" title={words.say(failure.message)}>
      {failure.problem?.hint}
      <div className={styles.buttons}>
        <Button size="sm" variant="secondary" onClick={onRetry}>
          {words.text('panel.retry')}
        </Button>
        {setUps.has(failure.kind) && (
          <LinkButton size="sm" fill="text" href={configPath}>
            {words.text('panel.configure')}
          </LinkButton>
        )}
      </div>
    </Alert>
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
  buttons: css({ display: 'flex', gap: theme.spacing(1), marginTop: theme.spacing(1) }),
});
