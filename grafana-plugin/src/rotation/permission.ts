import type { Status } from 'lowtide/api';
import type { Rotation } from '../api/answers.ts';
import type { Message } from '../words/words.ts';
import { isConfirmed, isResumable, type RotationState } from './rotation.ts';

export type RotationAction = 'plan' | 'start' | 'cancel' | 'resume';
export interface Circumstances {
  /** Of whoever looks, as Grafana names it; '' for someone without a role. */
  readonly grafanaRole: string;
  /** Undefined where the exporter does not answer. */
  readonly status: Pick<Status, 'caller'> | undefined;
  /** The latest there is, whoever began it. */
  readonly latest?: Rotation;
}

/**
 * Why an action is not to be had now: what the control is disabled with. Undefined: it may be done. Grafana's proxy and
 * the exporter judge for themselves; this only tells before.
 */
export function objectionTo(
  action: RotationAction,
  state: RotationState,
  { grafanaRole, status, latest }: Circumstances,
): Message | undefined {
  if (grafanaRole !== 'Editor' && grafanaRole !== 'Admin') {
    return { key: 'rotation.no.grafanaRole', values: { role: grafanaRole === '' ? '–' : grafanaRole } };
  }
  if (status === undefined) return { key: 'rotation.no.unreachable' };
  const { role, actions } = status.caller;
  if (!actions.includes('rotate')) {
    return role === 'viewer' ? { key: 'rotation.no.token', values: { role } } : { key: 'rotation.no.user' };
  }
  return anotherThan(action, state, latest) ?? objectionOfStep(action, state);
}

/** At most one goes on at a time. */
function anotherThan(
  action: RotationAction,
  state: RotationState,
  latest: Rotation | undefined,
): Message | undefined {
  if (action === 'cancel' || latest?.status !== 'running') return undefined;
  // What is known of it otherwise may be newer.
  if ('rotation' in state && state.rotation.id === latest.id) return undefined;
  return another(latest);
}

function another({ startedAt }: Rotation): Message {
  return { key: 'rotation.no.another', values: { since: { at: Date.parse(startedAt) } } };
}

function objectionOfStep(action: RotationAction, state: RotationState): Message | undefined {
  const isWaiting = state.step === 'starting' || (state.step === 'ended' && state.resume !== undefined);
  if (isWaiting) return { key: 'rotation.no.waiting' };
  switch (action) {
    case 'plan':
      return state.step === 'running' ? another(state.rotation) : undefined;
    case 'start':
      if (state.step !== 'confirming') return { key: 'rotation.no.plan' };
      return isConfirmed(state) ? undefined : { key: 'rotation.no.phrase', values: { phrase: state.phrase } };
    case 'cancel':
      if (state.step !== 'running') return { key: 'rotation.no.notRunning' };
      return state.cancel !== undefined || state.rotation.cancelRequested
        ? { key: 'rotation.no.cancelling' }
        : undefined;
    case 'resume':
      return state.step === 'ended' && isResumable(state.rotation)
        ? undefined
        : { key: 'rotation.no.complete' };
  }
}
