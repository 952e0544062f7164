import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, ErrorBoundary, useStyles2 } from '@grafana/ui';
import { css, cx } from '@emotion/css';
import React from 'react';
import type { Polled } from '../api/usePolling.ts';
import { Answered } from '../components/Answered.tsx';
import type { Words } from '../words/useWords.ts';

export interface PanelStateProps<T> {
  readonly polled: Polled<T>;
  readonly words: Words;
  readonly children: (data: T) => React.ReactNode;
}

/** What was answered, in the room that a panel has. A fault of ours stays in the panel, and leaves the dashboard alone. */
export function PanelState<T>({ polled, words, children }: PanelStateProps<T>): React.ReactElement {
  const styles = useStyles2(getStyles);
  const { data } = polled;
  return (
    <ErrorBoundary dependencies={[data]}>
      {({ error }) =>
        error === null ? (
          <div className={cx(styles.panel, data === undefined && styles.alone)}>
            <Answered polled={polled}>
              {(answers) => <div className={styles.content}>{children(answers)}</div>}
            </Answered>
          </div>
        ) : (
          <Alert severity="error" title={words.text('panel.broken')}>
            {error.message}
          </Alert>
        )
      }
    </ErrorBoundary>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  panel: css({ height: '100%', display: 'flex', flexDirection: 'column', gap: theme.spacing(0.5) }),
  alone: css({ justifyContent: 'center', alignItems: 'center', overflow: 'auto' }),
  content: css({ flex: 1, minHeight: 0, overflow: 'auto' }),
});
