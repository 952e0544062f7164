import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import React, { useState } from 'react';
import type { Exporter } from '../../api/client.ts';
import { newKey } from '../../lib/clock.ts';
import { keyFactsOf, type RotationAnswers } from '../../rotation/key-facts.ts';
import { objectionTo, type Circumstances } from '../../rotation/permission.ts';
import { isResumable, outcomeOf, type RotationState, type RotationWish } from '../../rotation/rotation.ts';
import type { Words } from '../../words/useWords.ts';
import { KeyAge } from './KeyAge.tsx';
import { KeyCensus } from './KeyCensus.tsx';
import { ReasonedButton } from './ReasonedButton.tsx';
import { RefusalAlert } from './RefusalAlert.tsx';
import { RotationDialog } from './RotationDialog.tsx';
import { RotationProgress } from './RotationProgress.tsx';
import { useNow } from '../useNow.ts';
import { useRotation } from './useRotation.ts';

export interface RotationControlProps {
  readonly exporter: Pick<Exporter, 'rotation'>;
  readonly answers: RotationAnswers;
  /** False while the exporter does not answer, and what is shown is old. */
  readonly isReachable: boolean;
  readonly grafanaRole: Circumstances['grafanaRole'];
  readonly words: Words;
  /** Whether how much depends on which key is told here. */
  readonly isCensusShown: boolean;
  /** Keys have changed, or may have. */
  readonly onEnded: () => void;
}

/** The keys at a glance, and their rotation from dry run to result; the same in the panel and on the page. */
export function RotationControl(props: RotationControlProps): React.ReactElement {
  const { exporter, answers, isReachable, grafanaRole, words, isCensusShown, onEnded } = props;
  const styles = useStyles2(getStyles);
  const { status, rotations } = answers;
  const latest = rotations[0];
  const [state, dispatch] = useRotation({ exporter, latest, words, onEnded });
  const [isOpen, setOpen] = useState(false);
  const now = useNow(state.step === 'running' ? 1000 : 30_000);
  const facts = keyFactsOf(answers, now);
  const circumstances: Circumstances = {
    grafanaRole,
    status: isReachable ? status : undefined,
    ...(latest !== undefined && { latest }),
  };
  const isAsking = state.step !== 'running' && state.step !== 'ended';
  // What was asked for has begun: the dialog must not come back when that is over.
  if (isOpen && !isAsking) setOpen(false);
  return (
    <div className={styles.control}>
      <KeyAge facts={facts} now={now} words={words} />
      <div className={styles.action}>
        {state.step === 'running' && <RotationProgress state={state} now={now} words={words} />}
        {state.step === 'running' && (
          <ReasonedButton
            words={words}
            variant="secondary"
            objection={objectionTo('cancel', state, circumstances)}
            onClick={() => dispatch({ type: 'cancelAsked', key: newKey() })}
          >
            {words.text('rotation.cancel')}
          </ReasonedButton>
        )}
        {state.step === 'ended' && <Outcome state={state} words={words} />}
        {state.step === 'ended' && (
          <div className={styles.buttons}>
            {isResumable(state.rotation) && (
              <ReasonedButton
                words={words}
                objection={objectionTo('resume', state, circumstances)}
                onClick={() => dispatch({ type: 'resumeAsked', key: newKey() })}
              >
                {words.text('rotation.resume')}
              </ReasonedButton>
            )}
            <Button variant="secondary" fill="outline" onClick={() => dispatch({ type: 'closed' })}>
              {words.text('rotation.close')}
            </Button>
          </div>
        )}
        {isAsking && (
          <ReasonedButton
            words={words}
            icon="sync"
            objection={objectionTo('plan', state, circumstances)}
            onClick={() => setOpen(true)}
          >
            {words.text('rotation.open')}
          </ReasonedButton>
        )}
      </div>
      {(state.step === 'running' || (state.step === 'idle' && !isOpen)) && state.refusal !== undefined && (
        <RefusalAlert refusal={state.refusal} />
      )}
      {isCensusShown && <KeyCensus facts={facts} now={now} words={words} />}
      {isOpen && isAsking && (
        <RotationDialog
          state={state}
          dispatch={dispatch}
          circumstances={circumstances}
          usualWish={usualWishOf(answers)}
          phrase={status.instance}
          words={words}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}

/** How it ended, and how much was done. */
function Outcome(props: {
  readonly state: Extract<RotationState, { step: 'ended' }>;
  readonly words: Words;
}): React.ReactElement {
  const { state, words } = props;
  const { rotation, refusal } = state;
  const outcome = outcomeOf(rotation);
  const isWhole = rotation.status === 'completed' && rotation.failed.backups === 0;
  const severity = isWhole ? 'success' : rotation.status === 'failed' ? 'error' : 'warning';
  return (
    <div role="status">
      <Alert severity={severity} bottomSpacing={0} title={outcome === undefined ? '' : words.say(outcome)}>
        {words.say({
          key: 'rotation.outcome.figures',
          values: {
            done: rotation.done.backups,
            pending: rotation.pending.backups,
            skipped: rotation.skipped.backups,
            failed: rotation.failed.backups,
          },
        })}
        {rotation.error?.hint !== undefined && ` ${rotation.error.hint}`}
        {state.resume?.isUncertain === true && ` ${words.text('rotation.uncertain.meaning')}`}
      </Alert>
      {refusal !== undefined && <RefusalAlert refusal={refusal} />}
    </div>
  );
}

/** What the policy does is what is most probably wanted. */
function usualWishOf({ status }: RotationAnswers): RotationWish {
  const { rotation } = status.encryption;
  if (rotation === undefined) return { mode: 'rewrap' };
  const { mode, daysBack, atLowTide } = rotation;
  return { mode, ...(daysBack !== undefined && { daysBack }), ...(atLowTide && { atLowTide }) };
}

const getStyles = (theme: GrafanaTheme2) => ({
  control: css({ display: 'flex', flexDirection: 'column', gap: theme.spacing(2) }),
  action: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1.5) }),
  buttons: css({ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: theme.spacing(1) }),
});
