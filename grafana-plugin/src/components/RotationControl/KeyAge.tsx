import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2, useTheme2, type IconName } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { EpochMs } from '../../format/format.ts';
import type { AgeVerdict, KeyFacts } from '../../rotation/key-facts.ts';
import type { Words } from '../../words/useWords.ts';

export interface KeyAgeProps {
  readonly facts: KeyFacts;
  readonly now: EpochMs;
  readonly words: Words;
}

/** How old the key is that backups are sealed to, and how old it may be; the last rotation, and the next. */
export function KeyAge({ facts, now, words }: KeyAgeProps): React.ReactElement {
  const { say, text, format } = words;
  const theme = useTheme2();
  const styles = useStyles2(getStyles);
  const { ageSeconds, allowedSeconds, verdict, last, nextAt } = facts;
  const { color, icon } = toneOf(verdict, theme);
  const share =
    ageSeconds === undefined || allowedSeconds === undefined ? undefined : ageSeconds / allowedSeconds;
  return (
    <div className={styles.row}>
      <div className={styles.age}>
        <div className={styles.label}>{text('rotation.age')}</div>
        <div className={styles.figure} style={{ color }}>
          <Icon name={icon} size="lg" />
          {ageSeconds === undefined ? text('rotation.age.none') : format.duration(ageSeconds)}
        </div>
        {share !== undefined && allowedSeconds !== undefined && (
          <div
            className={styles.meter}
            role="meter"
            aria-label={text('rotation.age.meter')}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.min(100, Math.round(share * 100))}
            aria-valuetext={say({
              key: `rotation.age.${verdict}`,
              values: { policy: { seconds: allowedSeconds } },
            })}
          >
            <div style={{ width: `${Math.min(1, share) * 100}%`, backgroundColor: color }} />
          </div>
        )}
        <div className={styles.note}>
          {say({ key: `rotation.age.${verdict}`, values: { policy: { seconds: allowedSeconds ?? 0 } } })}
        </div>
      </div>
      <Fact label={text('rotation.last')}>
        {last === undefined ? (
          text('rotation.last.never')
        ) : (
          <>
            <div title={format.moment(Date.parse(last.startedAt))}>
              {format.relative((Date.parse(last.finishedAt ?? last.startedAt) - now) / 1000)}
            </div>
            <div className={styles.note}>
              {text(`rotation.mode.${last.mode}`)}, {text(`rotation.status.${last.status}`)}
            </div>
          </>
        )}
      </Fact>
      <Fact label={text('rotation.next')}>
        {nextAt === undefined ? (
          text('rotation.next.byHand')
        ) : (
          <>
            <div>{nextAt > now ? format.relative((nextAt - now) / 1000) : text('rotation.next.due')}</div>
            <div className={styles.note}>{format.moment(nextAt)}</div>
          </>
        )}
      </Fact>
    </div>
  );
}

function Fact({
  label,
  children,
}: {
  readonly label: string;
  readonly children: React.ReactNode;
}): React.ReactElement {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.fact}>
      <div className={styles.label}>{label}</div>
      {children}
    </div>
  );
}

function toneOf(
  verdict: AgeVerdict,
  { colors }: GrafanaTheme2,
): { readonly color: string; readonly icon: IconName } {
  switch (verdict) {
    case 'good':
      return { color: colors.success.text, icon: 'check-circle' };
    case 'soon':
      return { color: colors.warning.text, icon: 'clock-nine' };
    case 'over':
    case 'none':
      return { color: colors.error.text, icon: 'exclamation-triangle' };
    case 'unlimited':
      return { color: colors.text.primary, icon: 'key-skeleton-alt' };
  }
}

const getStyles = (theme: GrafanaTheme2) => ({
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1.5, 3) }),
  age: css({ flex: '2 1 200px', minWidth: 0 }),
  fact: css({ flex: '1 1 120px', minWidth: 0 }),
  label: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
  figure: css({
    display: 'flex',
    alignItems: 'center',
    gap: theme.spacing(1),
    fontSize: theme.typography.h3.fontSize,
    fontWeight: theme.typography.fontWeightMedium,
  }),
  meter: css({
    height: 6,
    margin: theme.spacing(0.5, 0),
    borderRadius: theme.shape.radius.pill,
    backgroundColor: theme.colors.action.selected,
    overflow: 'hidden',
    div: { height: '100%', borderRadius: theme.shape.radius.pill },
  }),
  note: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
