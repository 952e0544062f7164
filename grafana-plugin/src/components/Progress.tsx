import React from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { Progress as Figures } from 'lowtide/api';
import { useWords } from '../words/useWords.ts';

interface Props {
  readonly label: string;
  /** Absent where nothing is known yet. */
  readonly progress: Figures | undefined;
}

/** How far work has come, how quickly it goes on, and how long it will take. */
export function Progress({ label, progress }: Props): React.JSX.Element {
  const styles = useStyles2(getStyles);
  const { say, format } = useWords();
  const ratio = progress?.ratio;
  const parts =
    progress === undefined
      ? []
      : [
          format.size(progress.bytes),
          format.rate(progress.bytesPerSecond),
          ...(progress.etaSeconds === undefined
            ? []
            : [say({ key: 'progress.left', values: { time: { seconds: progress.etaSeconds } } })]),
        ];
  return (
    <div className={styles.all}>
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(ratio !== undefined && { 'aria-valuenow': Math.round(ratio * 100) })}
        className={styles.track}
      >
        <div
          className={ratio === undefined ? styles.unknown : styles.bar}
          style={ratio === undefined ? undefined : { width: `${ratio * 100}%` }}
        />
      </div>
      <span className={styles.figures}>
        {ratio !== undefined && <b>{format.percent(ratio)}</b>} {parts.join(' · ')}
      </span>
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  all: css({ minWidth: 160 }),
  track: css({
    height: 6,
    overflow: 'hidden',
    borderRadius: theme.shape.radius.pill,
    background: theme.colors.background.secondary,
    border: `1px solid ${theme.colors.border.weak}`,
  }),
  bar: css({
    height: '100%',
    background: theme.colors.primary.main,
    '@media (prefers-reduced-motion: no-preference)': { transition: 'width 0.5s ease-out' },
  }),
  unknown: css({ height: '100%', width: '30%', background: theme.colors.primary.transparent }),
  figures: css({ ...theme.typography.bodySmall, color: theme.colors.text.secondary }),
});
