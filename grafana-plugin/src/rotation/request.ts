import type { NewRotation } from 'lowtide/api';
import type { EpochMs } from '../format/format.ts';
import type { RotationState, RunningState } from './rotation.ts';

/** What is to be sent to the exporter, below `/api/v1/`. */
export interface RotationRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: NewRotation;
  /** Of the answer; as `Idempotency-Key` with every POST. Polls have none. */
  readonly key?: string;
}

/**
 * What a state waits for: to be sent once when it is entered, and again, with growing pauses, while no answer comes. A
 * rotation that goes on is asked for again after each answer.
 */
export function requestOf(state: RotationState): RotationRequest | undefined {
  switch (state.step) {
    case 'planning':
      return post('rotations', state.key, { ...state.wish, dryRun: true });
    case 'starting':
      return post('rotations', state.key, { ...state.wish, dryRun: false });
    case 'running':
      return state.cancel === undefined
        ? { method: 'GET', path: pathOf(state.rotation.id) }
        : post(`${pathOf(state.rotation.id)}/cancel`, state.cancel.key);
    case 'ended':
      return state.resume && post(`${pathOf(state.rotation.id)}/resume`, state.resume.key);
    case 'idle':
    case 'planned':
    case 'confirming':
      return undefined;
  }
}

export interface ProgressShown {
  /** 0 to 1; absent where nobody knows. */
  readonly ratio?: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly etaSeconds?: number;
  /** What is shown is old, for the exporter does not answer. */
  readonly isStale: boolean;
}

/** Progress at a moment: the time that is left goes down between two answers, too. */
export function progressAt(
  { rotation: { progress }, knownAt, unansweredSince }: RunningState,
  now: EpochMs,
): ProgressShown | undefined {
  if (progress === undefined) return undefined;
  const { ratio, bytes, bytesPerSecond, etaSeconds } = progress;
  const isStale = unansweredSince !== undefined;
  const passed = Math.max(0, now - knownAt) / 1000;
  return {
    ...(ratio !== undefined && { ratio }),
    bytes,
    bytesPerSecond,
    // Of old figures no end can be told.
    ...(etaSeconds !== undefined && !isStale && { etaSeconds: Math.max(0, etaSeconds - passed) }),
    isStale,
  };
}

function pathOf(id: string): string {
  return `rotations/${encodeURIComponent(id)}`;
}

function post(path: string, key: string, body?: NewRotation): RotationRequest {
  return { method: 'POST', path, key, ...(body !== undefined && { body }) };
}
