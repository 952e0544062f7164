import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, TextLink, useTheme2, useStyles2, type IconName } from '@grafana/ui';
import { appPath } from '../../constants.ts';
import { linkTo } from '../../lib/link.ts';
import type { Finding, Severity } from '../../overview/overview.ts';
import { useWords } from '../../words/useWords.ts';
import type { MessageKey } from '../../words/words.ts';

const icons: Readonly<Record<Severity, IconName>> = {
  atRisk: 'exclamation-circle',
  broken: 'exclamation-triangle',
  attention: 'exclamation-triangle',
  notice: 'info-circle',
};
const pages: Readonly<Record<Finding['about']['kind'], readonly [string, MessageKey] | undefined>> = {
  schedule: ['schedules', 'nav.schedules'],
  key: ['keys', 'nav.keys'],
  check: undefined,
  host: undefined,
};

/** What needs attention, the most urgent first, with what helps. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }): React.JSX.Element {
  const { text } = useWords();
  const styles = useStyles2(getStyles);
  return (
    <section aria-label={text('overview.findings')}>
      <h3 className={styles.heading}>{text('overview.findings')}</h3>
      <ul className={styles.list}>
        {findings.map((finding) => (
          <FindingItem
            key={`${finding.about.kind} ${finding.about.id} ${finding.message.key}`}
            finding={finding}
          />
        ))}
      </ul>
    </section>
  );
}

function FindingItem({ finding }: { readonly finding: Finding }): React.JSX.Element {
  const { say, text } = useWords();
  const styles = useStyles2(getStyles);
  const { severity, message, hint, about } = finding;
  const page = pages[about.kind];
  const { colors } = useTheme2();
  const tone = { atRisk: colors.error, broken: colors.error, attention: colors.warning, notice: colors.info }[
    severity
  ];
  return (
    <li className={styles.item}>
      <Icon name={icons[severity]} style={{ color: tone.text }} />
      <div className={styles.words}>
        <span>{say(message)}</span>
        {hint !== undefined && <span className={styles.hint}>{hint}</span>}
      </div>
      {page !== undefined && (
        <TextLink href={linkTo(`${appPath}/${page[0]}`)} inline={false} variant="bodySmall">
          {text(page[1])}
        </TextLink>
      )}
    </li>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  heading: css({ ...theme.typography.h5, margin: theme.spacing(0, 0, 1) }),
  list: css({
    listStyle: 'none',
    border: `1px solid ${theme.colors.border.weak}`,
    borderRadius: theme.shape.radius.default,
    background: theme.colors.background.primary,
  }),
  item: css({
    display: 'flex',
    alignItems: 'flex-start',
    gap: theme.spacing(1.5),
    padding: theme.spacing(1.5, 2),
    '& + &': { borderTop: `1px solid ${theme.colors.border.weak}` },
  }),
  words: css({ display: 'flex', flexDirection: 'column', flex: 1, minWidth: 0, overflowWrap: 'anywhere' }),
  hint: css({ color: theme.colors.text.secondary, ...theme.typography.bodySmall }),
});
