import React, { type ReactNode } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';

export type Fact = readonly [name: string, value: ReactNode];

/** Names and values, one below the other; those without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): React.JSX.Element {
  const styles = useStyles2(getStyles);
  return (
    <dl className={styles.list}>
      {facts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value], index) => (
          <React.Fragment key={index}>
            <dt className={styles.name}>{name}</dt>
            <dd className={styles.value}>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  list: css({
    display: 'grid',
    gridTemplateColumns: 'minmax(110px, max-content) 1fr',
    gap: theme.spacing(0.75, 2),
    margin: 0,
    [theme.breakpoints.down('sm')]: { gridTemplateColumns: '1fr' },
  }),
  name: css({ color: theme.colors.text.secondary, fontWeight: theme.typography.fontWeightRegular }),
  value: css({
    margin: 0,
    overflowWrap: 'anywhere',
    // Grafana keeps code on one line, and paths and hashes are longer than a drawer is wide.
    '& code': { whiteSpace: 'normal' },
  }),
});
