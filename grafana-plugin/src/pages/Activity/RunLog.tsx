import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, Text, useStyles2, type IconName } from '@grafana/ui';
import type { Run, RunLog as Log } from 'lowtide/api';
import type { Polled } from '../../api/usePolling.ts';
import { Answered } from '../../components/Answered.tsx';
import { useWords } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

type Line = Log['lines'][number];

export interface RunTold {
  readonly run: Run;
  readonly lines: readonly Line[];
}

const signs: Readonly<Record<Line['level'], readonly [IconName, MessageKey]>> = {
  info: ['info-circle', 'log.info'],
  warn: ['exclamation-triangle', 'log.warn'],
  error: ['exclamation-circle', 'log.error'],
};

/** What the run tells of itself, step by step, while it goes on and afterwards. */
export function RunLog({ polled }: { readonly polled: Polled<RunTold> }): React.JSX.Element {
  const { text } = useWords();
  return (
    <section aria-label={text('run.log')}>
      <Text element="h3" variant="h5">
        {text('run.log')}
      </Text>
      <Answered polled={polled}>
        {({ lines }) =>
          lines.length === 0 ? <Text color="secondary">{text('log.none')}</Text> : <Lines lines={lines} />
        }
      </Answered>
    </section>
  );
}

function Lines({ lines }: { readonly lines: readonly Line[] }): React.JSX.Element {
  const { text, format } = useWords();
  const styles = useStyles2(getStyles);
  return (
    <ol className={styles.lines}>
      {lines.map(({ at, level, message }, index) => {
        const [icon, name] = signs[level];
        return (
          <li key={index} className={styles.line}>
            <time dateTime={at} className={styles.time}>
              {format.exactTime(Date.parse(at))}
            </time>
            <Icon name={icon} size="sm" className={styles[level]} title={text(name)} />
            <span>{message}</span>
          </li>
        );
      })}
    </ol>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  lines: css({ listStyle: 'none', margin: theme.spacing(1, 0, 0), padding: 0 }),
  line: css({
    display: 'grid',
    gridTemplateColumns: 'max-content max-content 1fr',
    alignItems: 'baseline',
    gap: theme.spacing(1),
    padding: theme.spacing(0.25, 0),
    overflowWrap: 'anywhere',
  }),
  time: css({ color: theme.colors.text.secondary, fontVariantNumeric: 'tabular-nums' }),
  info: css({ color: theme.colors.text.secondary }),
  warn: css({ color: theme.colors.warning.text }),
  error: css({ color: theme.colors.error.text }),
});
