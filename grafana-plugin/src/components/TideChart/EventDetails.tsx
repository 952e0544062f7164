import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import { whyNotOf, type Telling } from '../../timeline/telling.ts';
import type { Words } from '../../words/useWords.ts';

export interface EventDetailsProps {
  readonly telling: Telling;
  readonly color: string;
  readonly words: Words;
}

/** What a backup was, or why it is to be just then, and which times were not taken. */
export function EventDetails({ telling, color, words }: EventDetailsProps): React.ReactElement {
  const { say } = words;
  const styles = useStyles2(getStyles);
  const { schedule, what, when, facts, reason, others } = telling;
  return (
    <div className={styles.details}>
      <div className={styles.title}>
        <span className={styles.dot} style={{ backgroundColor: color }} />
        <strong>{schedule}</strong>
        <span className={styles.faint}>{what}</span>
      </div>
      <div>{when}</div>
      {reason !== undefined && (
        <div className={styles.reason}>
          {reason.headline !== undefined && <div>{reason.headline}</div>}
          <div className={styles.faint}>{reason.text}</div>
        </div>
      )}
      {facts.length > 0 && (
        <dl className={styles.facts}>
          {facts.map(({ name, text }) => (
            <React.Fragment key={`${name} ${text}`}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {others.length > 0 && (
        <div>
          <div className={styles.faint}>{say({ key: 'tide.fact.others' })}</div>
          <ol className={styles.others}>
            {others.map((other) => (
              <li key={other.when} title={other.whyNot?.text}>
                {other.when}
                <span className={styles.faint}>
                  {other.load !== '' && ` ${other.load}`}
                  {other.whyNot !== undefined && ` – ${whyNotOf(other)}`}
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  details: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.5),
    overflowWrap: 'anywhere',
  }),
  title: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(0.75), flexWrap: 'wrap' }),
  dot: css({ width: 10, height: 10, flex: 'none', borderRadius: theme.shape.radius.default }),
  faint: css({ color: theme.colors.text.secondary }),
  reason: css({ borderLeft: `2px solid ${theme.colors.border.strong}`, paddingLeft: theme.spacing(1) }),
  facts: css({
    display: 'grid',
    gridTemplateColumns: 'max-content 1fr',
    columnGap: theme.spacing(1.5),
    margin: 0,
    dt: { fontWeight: 'normal', color: theme.colors.text.secondary },
    dd: { margin: 0 },
  }),
  others: css({ margin: 0, paddingLeft: theme.spacing(2.5) }),
});
