import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, useStyles2, type BadgeColor } from '@grafana/ui';
import { css } from '@emotion/css';
import type { Key } from 'lowtide/api';
import React from 'react';
import type { EpochMs } from '../../format/format.ts';
import type { KeyFacts } from '../../rotation/key-facts.ts';
import type { Words } from '../../words/useWords.ts';
import { onlyHeard } from '../only-heard.ts';

export interface KeyCensusProps {
  readonly facts: KeyFacts;
  readonly now: EpochMs;
  readonly words: Words;
}

const badges: Readonly<Record<Key['state'], BadgeColor>> = {
  active: 'green',
  retiring: 'orange',
  retired: 'blue',
  destroyed: 'red',
};

/** How much depends on which key. */
export function KeyCensus({ facts, now, words }: KeyCensusProps): React.ReactElement {
  const { say, text, format } = words;
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.frame} role="region" aria-label={text('rotation.keys')} tabIndex={0}>
      <table className={styles.table}>
        <caption className={onlyHeard}>{text('rotation.keys')}</caption>
        <thead>
          <tr>
            <th scope="col">{text('rotation.keys.key')}</th>
            <th scope="col">{text('rotation.keys.state')}</th>
            <th scope="col" className={styles.age}>
              {text('rotation.keys.age')}
            </th>
            <th scope="col" className={styles.number}>
              {text('rotation.keys.backups')}
            </th>
            <th scope="col" className={styles.number}>
              {text('rotation.keys.bytes')}
            </th>
          </tr>
        </thead>
        <tbody>
          {facts.inUse.map((key) => (
            <tr key={key.id}>
              <th scope="row" title={key.recipient}>
                <span className={styles.id}>{key.id}</span>
              </th>
              <td>
                <Badge text={text(`rotation.state.${key.state}`)} color={badges[key.state]} />
                {key.purpose !== 'backup' && (
                  <span className={styles.faint}> {text(`rotation.purpose.${key.purpose}`)}</span>
                )}
              </td>
              <td className={styles.age} title={format.moment(Date.parse(key.createdAt))}>
                {format.duration((now - Date.parse(key.createdAt)) / 1000)}
              </td>
              <td className={styles.number}>{format.count(key.backups)}</td>
              <td className={styles.number}>{format.size(key.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {facts.idle > 0 && (
        <p className={styles.faint}>{say({ key: 'rotation.keys.idle', values: { count: facts.idle } })}</p>
      )}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  frame: css({ overflowX: 'auto', containerType: 'inline-size' }),
  table: css({
    width: '100%',
    borderCollapse: 'collapse',
    fontSize: theme.typography.bodySmall.fontSize,
    'th, td': { padding: theme.spacing(0.5, 1, 0.5, 0), textAlign: 'left', whiteSpace: 'nowrap' },
    'thead th': { color: theme.colors.text.secondary, fontWeight: 'normal' },
    'tbody tr': { borderTop: `1px solid ${theme.colors.border.weak}` },
    'tbody th': { fontWeight: 'normal' },
  }),
  age: css({ '@container (max-width: 480px)': { display: 'none' } }),
  id: css({
    display: 'inline-block',
    maxWidth: '24ch',
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    verticalAlign: 'bottom',
    fontFamily: theme.typography.fontFamilyMonospace,
  }),
  number: css({ '&&': { textAlign: 'right', fontVariantNumeric: 'tabular-nums' } }),
  faint: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
