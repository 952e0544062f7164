import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { EpochMs } from '../../format/format.ts';
import { progressAt } from '../../rotation/request.ts';
import type { RunningState } from '../../rotation/rotation.ts';
import type { Words } from '../../words/useWords.ts';
import { onlyHeard } from '../only-heard.ts';

export interface RotationProgressProps {
  readonly state: RunningState;
  readonly now: EpochMs;
  readonly words: Words;
}

/** How far it has come, how quickly, and when it will be over. */
export function RotationProgress({ state, now, words }: RotationProgressProps): React.ReactElement {
  const { say, text, format } = words;
  const styles = useStyles2(getStyles);
  const { rotation, unansweredSince } = state;
  const { done, pending, failed, skipped, waitsFor, mode } = rotation;
  const progress = progressAt(state, now);
  const total = done.backups + pending.backups + failed.backups;
  const ratio = progress?.ratio ?? (total === 0 ? undefined : (done.backups + failed.backups) / total);
  const percent = ratio === undefined ? undefined : Math.floor(ratio * 100);
  const title = text(rotation.cancelRequested ? 'rotation.cancelling' : `rotation.running.${mode}`);
  return (
    <div className={styles.progress}>
      <div className={styles.line}>
        <strong>{title}</strong>
        {percent !== undefined && <span className={styles.percent}>{format.percent(percent / 100)}</span>}
      </div>
      <div
        className={styles.bar}
        role="progressbar"
        aria-label={title}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent !== undefined && { 'aria-valuenow': percent })}
      >
        <div
          className={percent === undefined ? styles.unknown : styles.known}
          style={{ width: percent === undefined ? '100%' : `${percent}%` }}
        />
      </div>
      <div className={styles.figures}>
        <span>
          {say({
            key: 'rotation.progress.backups',
            values: { done: done.backups, count: total },
          })}
        </span>
        {progress !== undefined && progress.bytesPerSecond > 0 && (
          <span>{format.rate(progress.bytesPerSecond)}</span>
        )}
        {progress?.etaSeconds !== undefined && (
          <span>
            {say({ key: 'rotation.progress.left', values: { left: { seconds: progress.etaSeconds } } })}
          </span>
        )}
        {skipped.backups > 0 && (
          <span>{say({ key: 'rotation.progress.skipped', values: { count: skipped.backups } })}</span>
        )}
        {failed.backups > 0 && (
          <span className={styles.failed}>
            {say({ key: 'rotation.progress.failed', values: { count: failed.backups } })}
          </span>
        )}
      </div>
      {waitsFor !== undefined && (
        <div className={styles.note}>
          <Icon name="hourglass" size="sm" /> {say({ key: 'rotation.waits', values: { why: waitsFor } })}
        </div>
      )}
      {unansweredSince !== undefined && (
        <div className={styles.stale}>
          <Icon name="exclamation-triangle" size="sm" />{' '}
          {say({ key: 'rotation.stale', values: { time: { seconds: (now - unansweredSince) / 1000 } } })}
        </div>
      )}
      {/* Those who listen hear of every tenth, not of every second. */}
      <div role="status" className={onlyHeard}>
        {percent !== undefined && `${title} ${format.percent(Math.floor(percent / 10) / 10)}`}
      </div>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  progress: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(0.5), flex: '1 1 240px' }),
  line: css({ display: 'flex', justifyContent: 'space-between', gap: theme.spacing(1) }),
  percent: css({ fontVariantNumeric: 'tabular-nums' }),
  bar: css({
    height: 8,
    borderRadius: theme.shape.radius.pill,
    backgroundColor: theme.colors.action.selected,
    overflow: 'hidden',
  }),
  known: css({
    height: '100%',
    backgroundColor: theme.colors.primary.main,
    [theme.transitions.handleMotion('no-preference')]: {
      transition: theme.transitions.create('width', { duration: theme.transitions.duration.standard }),
    },
  }),
  unknown: css({ height: '100%', backgroundColor: theme.colors.primary.main, opacity: 0.4 }),
  figures: css({
    display: 'flex',
    flexWrap: 'wrap',
    gap: theme.spacing(0, 2),
    color: theme.colors.text.secondary,
    fontSize: theme.typography.bodySmall.fontSize,
    fontVariantNumeric: 'tabular-nums',
  }),
  failed: css({ color: theme.colors.error.text }),
  note: css({ fontSize: theme.typography.bodySmall.fontSize }),
  stale: css({ color: theme.colors.warning.text, fontSize: theme.typography.bodySmall.fontSize }),
});
