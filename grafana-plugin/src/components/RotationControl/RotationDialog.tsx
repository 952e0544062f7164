import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, Field, Input, LoadingPlaceholder, Modal, useStyles2 } from '@grafana/ui';
import { css } from '@emotion/css';
import type { RotationPlan } from 'lowtide/api';
import React, { useEffect, useId, useRef, useState, type Dispatch } from 'react';
import { newKey } from '../../lib/clock.ts';
import { objectionTo, type Circumstances } from '../../rotation/permission.ts';
import type { RotationEvent, RotationState, RotationWish } from '../../rotation/rotation.ts';
import type { Words } from '../../words/useWords.ts';
import type { Message } from '../../words/words.ts';
import { PlanView } from './PlanView.tsx';
import { ReasonedButton } from './ReasonedButton.tsx';
import { RefusalAlert } from './RefusalAlert.tsx';
import { WishForm } from './WishForm.tsx';

export interface RotationDialogProps {
  readonly state: RotationState;
  readonly dispatch: Dispatch<RotationEvent>;
  readonly circumstances: Circumstances;
  /** What the policy does. */
  readonly usualWish: RotationWish;
  /** What has to be typed before it begins. */
  readonly phrase: string;
  readonly words: Words;
  readonly onClose: () => void;
}

/** From what is wanted over what that would do to what has to be typed. */
export function RotationDialog(props: RotationDialogProps): React.ReactElement {
  const { state, dispatch, circumstances, usualWish, phrase, words, onClose } = props;
  const { text } = words;
  const styles = useStyles2(getStyles);
  const [wish, setWish] = useState(usualWish);
  const close = (): void => {
    if (state.step === 'confirming') dispatch({ type: 'closed' });
    dispatch({ type: 'closed' });
    onClose();
  };
  const change = (next: RotationWish): void => {
    // The plan was one for something else.
    if (state.step === 'planning' || state.step === 'planned') dispatch({ type: 'closed' });
    setWish(next);
  };
  const plan = 'plan' in state ? state.plan : undefined;
  return (
    <Modal title={text('rotation.title')} isOpen onDismiss={close} className={styles.dialog}>
      <WishForm
        wish={wish}
        words={words}
        isDisabled={state.step === 'confirming' || state.step === 'starting'}
        onChange={change}
      />
      {state.step === 'planning' && <LoadingPlaceholder text={text('rotation.planning')} />}
      {plan !== undefined && <PlanView plan={plan} words={words} />}
      {'refusal' in state && state.refusal !== undefined && <RefusalAlert refusal={state.refusal} />}
      {state.step === 'confirming' && (
        <ConfirmField
          phrase={phrase}
          typed={state.typed}
          words={words}
          onType={(typed) => dispatch({ type: 'typed', text: typed })}
          onEnter={() => dispatch({ type: 'confirmed', key: newKey() })}
        />
      )}
      {state.step === 'starting' && (
        <div role="status">
          {state.isUncertain ? (
            <Alert severity="warning" title={text('rotation.uncertain')}>
              {text('rotation.uncertain.meaning')}
            </Alert>
          ) : (
            <LoadingPlaceholder text={text('rotation.starting')} />
          )}
        </div>
      )}
      <Modal.ButtonRow>
        <Button variant="secondary" fill="outline" onClick={close}>
          {text('rotation.close')}
        </Button>
        {state.step === 'idle' && (
          <ReasonedButton
            words={words}
            objection={objectionTo('plan', state, circumstances)}
            onClick={() => dispatch({ type: 'planAsked', wish, key: newKey() })}
          >
            {text('rotation.seePlan')}
          </ReasonedButton>
        )}
        {state.step === 'planned' && (
          <ReasonedButton
            words={words}
            variant="destructive"
            objection={obstacleIn(state.plan)}
            isReasonShown={false}
            onClick={() => dispatch({ type: 'confirmOpened', phrase })}
          >
            {text('rotation.go')}
          </ReasonedButton>
        )}
        {state.step === 'confirming' && (
          <ReasonedButton
            words={words}
            variant="destructive"
            isReasonShown={false}
            objection={objectionTo('start', state, circumstances)}
            onClick={() => dispatch({ type: 'confirmed', key: newKey() })}
          >
            {text('rotation.start')}
          </ReasonedButton>
        )}
      </Modal.ButtonRow>
    </Modal>
  );
}

/** The exporter would refuse it, or fail in the middle. */
function obstacleIn({ obstacles }: RotationPlan): Message | undefined {
  const [obstacle] = obstacles;
  return obstacle && { key: 'failure.said', values: { detail: obstacle.message } };
}

/** It has just been asked for, so it takes the focus. */
function ConfirmField(props: {
  readonly phrase: string;
  readonly typed: string;
  readonly words: Words;
  readonly onType: (typed: string) => void;
  readonly onEnter: () => void;
}): React.ReactElement {
  const { phrase, typed, words, onType, onEnter } = props;
  const field = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onEnter();
      }}
    >
      <Field label={words.say({ key: 'rotation.no.phrase', values: { phrase } })} htmlFor={field}>
        <Input
          id={field}
          ref={input}
          value={typed}
          autoComplete="off"
          onChange={({ currentTarget }) => onType(currentTarget.value)}
        />
      </Field>
    </form>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  dialog: css({ width: 640, maxWidth: `calc(100vw - ${theme.spacing(4)})` }),
});
