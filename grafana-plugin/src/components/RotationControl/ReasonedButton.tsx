import type { GrafanaTheme2 } from '@grafana/data';
import { Button, useStyles2, type ButtonVariant, type IconName } from '@grafana/ui';
import { css } from '@emotion/css';
import React from 'react';
import type { Words } from '../../words/useWords.ts';
import type { Message } from '../../words/words.ts';

export interface ReasonedButtonProps {
  /** Why it cannot be pressed now; undefined: it can. */
  readonly objection: Message | undefined;
  readonly words: Words;
  readonly variant?: ButtonVariant;
  readonly icon?: IconName;
  /** False where the reason stands beside it already. */
  readonly isReasonShown?: boolean;
  readonly onClick: () => void;
  readonly children: string;
}

/** A button that says why, where it is disabled. It stays in the way of the Tab key, so that everybody gets to know. */
export function ReasonedButton(props: ReasonedButtonProps): React.ReactElement {
  const { objection, words, variant = 'primary', icon, isReasonShown = true, onClick, children } = props;
  const styles = useStyles2(getStyles);
  const why = objection === undefined ? undefined : words.say(objection);
  return (
    <>
      <Button
        variant={variant}
        {...(icon !== undefined && { icon })}
        {...(why !== undefined && { disabled: true, tooltip: why })}
        onClick={onClick}
      >
        {children}
      </Button>
      {why !== undefined && isReasonShown && <span className={styles.reason}>{why}</span>}
    </>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  reason: css({ color: theme.colors.text.secondary, fontSize: theme.typography.bodySmall.fontSize }),
});
