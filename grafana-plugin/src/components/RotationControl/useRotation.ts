import type { RotationPlan } from 'lowtide/api';
import type { Rotation } from '../../api/answers.ts';
import { useCallback, useEffect, useReducer, useRef, type Dispatch } from 'react';
import type { Exporter } from '../../api/client.ts';
import { failureOf, type RequestFailure, RequestError } from '../../api/failure.ts';
import { pollDelayMs } from '../../api/poll-delay.ts';
import type { EpochMs } from '../../format/format.ts';
import { now } from '../../lib/clock.ts';
import { requestOf, type RotationRequest } from '../../rotation/request.ts';
import {
  afterRotation,
  idle,
  type Refusal,
  type RotationEvent,
  type RotationState,
} from '../../rotation/rotation.ts';
import type { Words } from '../../words/useWords.ts';

export interface RotationOptions {
  readonly exporter: Pick<Exporter, 'rotation'>;
  /** The latest there is, whoever began it. */
  readonly latest: Rotation | undefined;
  readonly words: Words;
  /** Something has ended: what is known of keys is old. */
  readonly onEnded: () => void;
}

const pollMs = 1000;

/** Sends what the rotation control waits for, and tells it what is answered. */
export function useRotation({
  exporter,
  latest,
  words,
  onEnded,
}: RotationOptions): readonly [RotationState, Dispatch<RotationEvent>] {
  const [state, send] = useReducer(afterRotation, idle);
  // One that somebody has closed does not come back with the next look at what there is.
  const closed = useRef<string | undefined>(undefined);
  const dispatch = useCallback((event: RotationEvent): void => send(event), []);
  const endedId = state.step === 'ended' ? state.rotation.id : undefined;

  useEffect(() => {
    if (endedId === undefined) return;
    closed.current = endedId;
    onEnded();
  }, [endedId, onEnded]);

  useEffect(() => {
    if (latest === undefined || (latest.status !== 'running' && latest.id === closed.current)) return;
    dispatch({ type: 'found', rotation: latest, at: now() });
  }, [latest, dispatch]);

  const request = requestOf(state);
  const wanted = request && JSON.stringify(request);
  const { say } = words;
  useEffect(() => {
    if (wanted === undefined) return undefined;
    const answered = (event: RotationEvent): void => dispatch(event);
    return keepAsking(exporter, JSON.parse(wanted) as RotationRequest, answered, (failure) =>
      say(failure.message),
    );
  }, [wanted, exporter, dispatch, say]);

  return [state, dispatch];
}

/** Until it is answered; a poll, until it is told to stop. Returns what stops it. */
function keepAsking(
  exporter: Pick<Exporter, 'rotation'>,
  request: RotationRequest,
  tell: (event: RotationEvent) => void,
  inWords: (failure: RequestFailure) => string,
): () => void {
  let isOver = false;
  let failures = 0;
  let timer: number | undefined;
  const isPoll = request.method === 'GET';
  const again = (): void => {
    // What changes something is sent to its end, also while nobody looks.
    if (!isPoll || !document.hidden) timer = window.setTimeout(ask, pollDelayMs(pollMs, failures));
  };
  const ask = (): void => {
    exporter.rotation(request).then(
      (answer) => {
        if (isOver) return;
        failures = 0;
        tell(answerOf(request, answer, now()));
        if (isPoll) again();
      },
      (error: unknown) => {
        if (isOver) return;
        failures += 1;
        const failure = error instanceof RequestError ? error.failure : failureOf({});
        const isAnswered = !silences.has(failure.kind);
        tell(isAnswered ? refusedBy(request, failure, inWords(failure)) : unanswered(request, now()));
        if (isPoll || !isAnswered) again();
      },
    );
  };
  const onVisibility = (): void => {
    window.clearTimeout(timer);
    if (!document.hidden) timer = window.setTimeout(ask, 0);
  };
  ask();
  if (isPoll) document.addEventListener('visibilitychange', onVisibility);
  return () => {
    isOver = true;
    window.clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  };
}

/** What tells nothing about whether the exporter got the request. */
const silences: ReadonlySet<RequestFailure['kind']> = new Set(['noSession', 'unreachable', 'timeout']);

const keyed = ({ key }: RotationRequest): { readonly key?: string } => (key === undefined ? {} : { key });

function answerOf(request: RotationRequest, answer: Rotation | RotationPlan, at: EpochMs): RotationEvent {
  return 'dryRun' in answer
    ? { type: 'planned', key: request.key ?? '', plan: answer }
    : { type: 'answered', ...keyed(request), rotation: answer, at };
}

function refusedBy(
  request: RotationRequest,
  { status, problem }: RequestFailure,
  said: string,
): RotationEvent {
  const refusal: Refusal = {
    status,
    detail: problem?.detail ?? said,
    ...(problem?.code !== undefined && { code: problem.code }),
    ...(problem?.hint !== undefined && { hint: problem.hint }),
  };
  return { type: 'refused', ...keyed(request), refusal };
}

function unanswered(request: RotationRequest, at: EpochMs): RotationEvent {
  return { type: 'unanswered', ...keyed(request), at };
}
