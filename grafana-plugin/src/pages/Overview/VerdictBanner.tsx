import React from 'react';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2, type IconName } from '@grafana/ui';
import type { Status } from 'lowtide/api';
import type { Overview, Verdict } from '../../overview/overview.ts';
import { useWords } from '../../words/useWords.ts';

interface Props {
  readonly overview: Overview;
  readonly status: Status;
  /** How many there are; 0 where there is but one. */
  readonly hosts: number;
}

const icons: Readonly<Record<Verdict, IconName>> = {
  safe: 'check-circle',
  attention: 'info-circle',
  broken: 'exclamation-triangle',
  atRisk: 'exclamation-circle',
  nothing: 'question-circle',
};

/** Whether every backup is safe, in one sentence. */
export function VerdictBanner({ overview: { verdict, sentence }, status, hosts }: Props): React.JSX.Element {
  const { say } = useWords();
  const styles = useStyles2(getStyles);
  const { instance, version } = status;
  return (
    <div
      className={cx(styles.box, styles[verdict])}
      data-testid="data-testid overview verdict"
      data-verdict={verdict}
    >
      <Icon name={icons[verdict]} size="xxxl" className={styles.icon} />
      <div>
        <h2 className={styles.sentence}>{say(sentence)}</h2>
        <span className={styles.where}>
          {say({
            key: hosts === 0 ? 'overview.where' : 'overview.whereHosts',
            values: { count: hosts, instance, version },
          })}
        </span>
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => {
  const toned = (tone: { main: string; text: string }) =>
    css({ borderLeftColor: tone.main, svg: { color: tone.text } });
  return {
    box: css({
      display: 'flex',
      alignItems: 'center',
      gap: theme.spacing(2),
      padding: theme.spacing(2, 3),
      background: theme.colors.background.primary,
      border: `1px solid ${theme.colors.border.weak}`,
      borderLeftWidth: 4,
      borderRadius: theme.shape.radius.default,
    }),
    icon: css({ flexShrink: 0 }),
    sentence: css({ ...theme.typography.h3, margin: 0 }),
    where: css({ color: theme.colors.text.secondary }),
    safe: toned(theme.colors.success),
    attention: toned(theme.colors.warning),
    broken: toned(theme.colors.error),
    atRisk: toned(theme.colors.error),
    nothing: toned(theme.colors.info),
  };
};
