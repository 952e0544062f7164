import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import type { RotationPlan } from 'lowtide/api';
import React from 'react';
import type { Words } from '../../words/useWords.ts';

export interface PlanViewProps {
  readonly plan: RotationPlan;
  readonly words: Words;
}

/** What a rotation would do, and what it would not protect against. */
export function PlanView({ plan, words }: PlanViewProps): React.ReactElement {
  const { say, text, format } = words;
  const styles = useStyles2(getStyles);
  const { backups, bytes, estimatedSeconds, neededBytes, stores, skipped, retirableKeys, mode } = plan;
  const { obstacles, droppedRecipients } = plan;
  const figures: readonly (readonly [label: string, figure: string])[] = [
    [text('rotation.plan.backups'), format.count(backups)],
    [text('rotation.plan.bytes'), format.size(bytes)],
    [text('rotation.plan.time'), format.duration(estimatedSeconds)],
    ...(neededBytes > 0 ? [[text('rotation.plan.room'), format.size(neededBytes)] as const] : []),
  ];
  return (
    <section className={styles.plan} aria-label={text('rotation.plan')} aria-live="polite">
      <dl className={styles.figures}>
        {figures.map(([label, figure]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{figure}</dd>
          </div>
        ))}
      </dl>
      <ul className={styles.list}>
        {obstacles.map(({ code, message, hint }) => (
          <li key={`${code} ${message}`}>
            <Icon name="exclamation-triangle" size="sm" className={styles.error} />
            <span>
              {message}
              {hint !== undefined && <span className={styles.faint}> {hint}</span>}
            </span>
          </li>
        ))}
        {stores.map((store) => (
          <li key={store.store}>
            <Icon name="database" size="sm" />
            <span>
              {say({
                key: 'rotation.plan.store',
                values: { store: store.store, count: store.backups, size: { bytes: store.bytes } },
              })}
              {store.requests > 0 && (
                <span className={styles.faint}>
                  {' '}
                  {say({
                    key: 'rotation.plan.requests',
                    values: {
                      count: store.requests,
                      read: { bytes: store.readBytes },
                      written: { bytes: store.writtenBytes },
                    },
                  })}
                </span>
              )}
            </span>
          </li>
        ))}
        {skipped.map(({ code, text: why, copies, bytes: size }) => (
          <li key={`${code} ${why}`}>
            <Icon name="minus-circle" size="sm" />
            <span>
              {say({ key: 'rotation.plan.skipped', values: { count: copies, size: { bytes: size } } })}{' '}
              <span className={styles.faint}>{why}</span>
            </span>
          </li>
        ))}
        {retirableKeys.length > 0 && (
          <li>
            <Icon name="key-skeleton-alt" size="sm" />
            <span>
              {say({
                key: 'rotation.plan.retirable',
                values: { count: retirableKeys.length, keys: { names: retirableKeys } },
              })}
            </span>
          </li>
        )}
        {droppedRecipients.length > 0 && (
          <li>
            <Icon name="exclamation-triangle" size="sm" className={styles.warning} />
            <span>
              {say({
                key: 'rotation.plan.dropped',
                values: { count: droppedRecipients.length, recipients: { names: droppedRecipients } },
              })}
            </span>
          </li>
        )}
        {plan.stillReadable[mode] !== '' && (
          <li>
            <Icon name="eye" size="sm" className={styles.warning} />
            <span>
              {text('rotation.plan.stillReadable')}{' '}
              <span className={styles.faint}>{plan.stillReadable[mode]}</span>
            </span>
          </li>
        )}
      </ul>
    </section>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  plan: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(1.5),
    padding: theme.spacing(2),
    backgroundColor: theme.colors.background.secondary,
    borderRadius: theme.shape.radius.default,
    marginBottom: theme.spacing(2),
  }),
  figures: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(1, 4),
    margin: 0,
    dt: {
      color: theme.colors.text.secondary,
      fontSize: theme.typography.bodySmall.fontSize,
      fontWeight: 'normal',
    },
    dd: { margin: 0, fontSize: theme.typography.h4.fontSize },
  }),
  list: css({
    display: 'flex',
    flexDirection: 'column',
    gap: theme.spacing(0.75),
    margin: 0,
    padding: 0,
    listStyle: 'none',
    li: { display: 'flex', gap: theme.spacing(1), alignItems: 'baseline' },
    svg: { flex: 'none', position: 'relative', top: 2 },
  }),
  faint: css({ color: theme.colors.text.secondary }),
  error: css({ color: theme.colors.error.text }),
  warning: css({ color: theme.colors.warning.text }),
});
