import type { NewRotation, Problem, RotationPlan } from 'lowtide/api';
import type { Rotation } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';
import type { Message } from '../words/words.ts';

/**
 * The rotation control, from the dry run to the result. It is driven by what a person does and what the exporter
 * answers, and sends nothing itself: `requestOf` (request.ts) tells what is to be asked for in a state.
 *
 * Every request has a key, by which its answer is known: what answers an earlier one comes too late and is ignored. The
 * key of what changes something is its `Idempotency-Key` too, and stays the same when it is sent again.
 */
export type RotationState =
  | { readonly step: 'idle'; readonly refusal?: Refusal }
  | { readonly step: 'planning'; readonly wish: RotationWish; readonly key: string }
  | ({ readonly step: 'planned'; readonly refusal?: Refusal } & Planned)
  | ({ readonly step: 'confirming'; readonly phrase: string; readonly typed: string } & Planned)
  /** `isUncertain`: no answer came, so it may have begun or not; sending it again begins nothing twice. */
  | ({ readonly step: 'starting'; readonly key: string; readonly isUncertain: boolean } & Planned)
  | RunningState
  | {
      readonly step: 'ended';
      readonly rotation: Rotation;
      readonly refusal?: Refusal;
      /** Present once it was asked to go on. */
      readonly resume?: { readonly key: string; readonly isUncertain: boolean };
    };

export interface RunningState {
  readonly step: 'running';
  readonly rotation: Rotation;
  /** When what is known of it came in. */
  readonly knownAt: EpochMs;
  /** Present while it is asked to stop. */
  readonly cancel?: { readonly key: string };
  /** Since when the exporter has not answered; the rotation may well go on. */
  readonly unansweredSince?: EpochMs;
  readonly refusal?: Refusal;
}

/** What is to be done, first dry and then in earnest. */
export type RotationWish = Omit<NewRotation, 'dryRun'>;

interface Planned {
  readonly wish: RotationWish;
  readonly plan: RotationPlan;
}

/** What the exporter said no with. */
export type Refusal = Pick<Problem, 'status' | 'detail' | 'code' | 'hint'>;

export type RotationEvent =
  /** The latest rotation there is, when the control is opened. */
  | { readonly type: 'found'; readonly rotation: Rotation; readonly at: EpochMs }
  | { readonly type: 'planAsked'; readonly wish: RotationWish; readonly key: string }
  | { readonly type: 'planned'; readonly key: string; readonly plan: RotationPlan }
  /** `phrase`: what has to be typed. */
  | { readonly type: 'confirmOpened'; readonly phrase: string }
  | { readonly type: 'typed'; readonly text: string }
  | { readonly type: 'confirmed'; readonly key: string }
  | { readonly type: 'cancelAsked'; readonly key: string }
  | { readonly type: 'resumeAsked'; readonly key: string }
  /** The answer to a start, a cancel, a resume; without a key: to a poll. */
  | { readonly type: 'answered'; readonly key?: string; readonly rotation: Rotation; readonly at: EpochMs }
  | { readonly type: 'refused'; readonly key?: string; readonly refusal: Refusal }
  /** No answer: the network, a timeout, a proxy. */
  | { readonly type: 'unanswered'; readonly key?: string; readonly at: EpochMs }
  /** One step back. */
  | { readonly type: 'closed' };

export const idle: RotationState = { step: 'idle' };

export function afterRotation(state: RotationState, event: RotationEvent): RotationState {
  switch (event.type) {
    case 'found':
      return isReplacedBy(state, event) ? (found(event) ?? state) : state;
    case 'planAsked':
      return isUnderWay(state) ? state : { step: 'planning', wish: event.wish, key: event.key };
    case 'planned':
      return state.step === 'planning' && state.key === event.key
        ? { step: 'planned', wish: state.wish, plan: event.plan }
        : state;
    case 'confirmOpened':
      return state.step === 'planned'
        ? { step: 'confirming', wish: state.wish, plan: state.plan, phrase: event.phrase, typed: '' }
        : state;
    case 'typed':
      return state.step === 'confirming' ? { ...state, typed: event.text } : state;
    case 'confirmed':
      if (state.step !== 'confirming' || !isConfirmed(state)) return state;
      return { step: 'starting', wish: state.wish, plan: state.plan, key: event.key, isUncertain: false };
    case 'cancelAsked':
      return state.step === 'running' && state.cancel === undefined && !state.rotation.cancelRequested
        ? { ...state, cancel: { key: event.key } }
        : state;
    case 'resumeAsked':
      return state.step === 'ended' && state.resume === undefined && isResumable(state.rotation)
        ? { step: 'ended', rotation: state.rotation, resume: { key: event.key, isUncertain: false } }
        : state;
    case 'answered':
      return answered(state, event);
    case 'refused':
      return refused(state, event);
    case 'unanswered':
      return unanswered(state, event);
    case 'closed':
      return closed(state);
  }
}

/** Whether something was set going that has not ended yet, or may have been. */
export function isUnderWay(state: RotationState): boolean {
  return (
    state.step === 'starting' ||
    state.step === 'running' ||
    (state.step === 'ended' && state.resume !== undefined)
  );
}

/** Whether what was typed is what had to be. */
export function isConfirmed({ phrase, typed }: { readonly phrase: string; readonly typed: string }): boolean {
  return phrase !== '' && typed.trim() === phrase;
}

/** Whether it stopped before it was complete. */
export function isResumable({ status }: Rotation): boolean {
  return status === 'failed' || status === 'cancelled' || status === 'interrupted';
}

/** How it ended, in a sentence; undefined while it goes on. */
export function outcomeOf({ status, failed, error }: Rotation): Message | undefined {
  switch (status) {
    case 'running':
      return undefined;
    case 'completed':
      return failed.backups === 0
        ? { key: 'rotation.outcome.completed' }
        : { key: 'rotation.outcome.partly', values: { count: failed.backups } };
    case 'failed':
      return { key: 'rotation.outcome.failed', values: { message: error?.message ?? '' } };
    case 'cancelled':
      return { key: 'rotation.outcome.cancelled' };
    case 'interrupted':
      return { key: 'rotation.outcome.interrupted' };
  }
}

type EventOf<T extends RotationEvent['type']> = Extract<RotationEvent, { readonly type: T }>;

/** One that has ended makes way for one that goes on, as when the exporter resumed it by itself. */
function isReplacedBy(state: RotationState, { rotation }: EventOf<'found'>): boolean {
  if (state.step === 'idle') return true;
  return state.step === 'ended' && state.resume === undefined && rotation.status === 'running';
}

/** One that goes on is shown, also if somebody else began it; one that can be resumed is offered. */
function found({ rotation, at }: EventOf<'found'>): RotationState | undefined {
  if (rotation.status === 'running') return { step: 'running', rotation, knownAt: at };
  return isResumable(rotation) ? { step: 'ended', rotation } : undefined;
}

function answered(state: RotationState, { key, rotation, at }: EventOf<'answered'>): RotationState {
  const isExpected =
    (state.step === 'starting' && key === state.key) ||
    (state.step === 'running' && rotation.id === state.rotation.id && key === state.cancel?.key) ||
    (state.step === 'ended' && state.resume !== undefined && key === state.resume.key);
  if (!isExpected) return state;
  if (rotation.status !== 'running') return { step: 'ended', rotation };
  // The answer to a poll may have been on its way while the cancel was granted.
  const isCancelling = state.step === 'running' && state.rotation.cancelRequested;
  return {
    step: 'running',
    rotation: isCancelling ? { ...rotation, cancelRequested: true } : rotation,
    knownAt: at,
  };
}

function refused(state: RotationState, { key, refusal }: EventOf<'refused'>): RotationState {
  switch (state.step) {
    case 'planning':
      return key === state.key ? { step: 'idle', refusal } : state;
    case 'starting':
      return key === state.key ? { step: 'planned', wish: state.wish, plan: state.plan, refusal } : state;
    case 'running': {
      if (key !== state.cancel?.key) return state;
      // The exporter does not know it any more: its state was replaced.
      if (refusal.status === 404) return { step: 'idle', refusal };
      return { step: 'running', rotation: state.rotation, knownAt: state.knownAt, refusal };
    }
    case 'ended':
      return state.resume !== undefined && key === state.resume.key
        ? { step: 'ended', rotation: state.rotation, refusal }
        : state;
    case 'idle':
    case 'planned':
    case 'confirming':
      return state;
  }
}

function unanswered(state: RotationState, { key, at }: EventOf<'unanswered'>): RotationState {
  switch (state.step) {
    case 'planning':
      return key === state.key ? { step: 'idle', refusal: noAnswer } : state;
    case 'starting':
      return key === state.key ? { ...state, isUncertain: true } : state;
    case 'running':
      if (key !== state.cancel?.key) return state;
      return state.unansweredSince === undefined ? { ...state, unansweredSince: at } : state;
    case 'ended':
      return state.resume !== undefined && key === state.resume.key
        ? { ...state, resume: { ...state.resume, isUncertain: true } }
        : state;
    case 'idle':
    case 'planned':
    case 'confirming':
      return state;
  }
}

/** As a gateway says it. */
const noAnswer: Refusal = { status: 504, detail: 'the exporter did not answer' };

/**
 * What was sent cannot be taken back by looking away: those steps stay. But nobody has to wait for an answer that does
 * not come; if it did begin, it is found again.
 */
function closed(state: RotationState): RotationState {
  switch (state.step) {
    case 'planning':
    case 'planned':
      return idle;
    case 'confirming':
      return { step: 'planned', wish: state.wish, plan: state.plan };
    case 'starting':
      return state.isUncertain ? idle : state;
    case 'ended':
      return state.resume === undefined || state.resume.isUncertain ? idle : state;
    case 'idle':
    case 'running':
      return state;
  }
}
