import type { Failure } from 'lowtide/api';
import type { Message } from '../words/words.ts';

/** What another host is asked to do: it looks by itself, and what came of it is there afterwards. */
export interface RelayedRequest {
  readonly kind: 'request';
  readonly id: string;
  readonly host: string;
  readonly state: 'waiting' | 'taken' | 'done' | 'refused' | 'expired' | 'unknown';
  readonly error?: Failure | undefined;
}

export function isRelayed(answer: unknown): answer is RelayedRequest {
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'request';
}

/** What is said where it was not done; undefined where it was. */
export function unsaid({ state, host, error }: RelayedRequest): Message | undefined {
  switch (state) {
    case 'done':
      return undefined;
    case 'refused':
      return { key: 'relayed.refused', values: { host, message: error?.message ?? '–' } };
    case 'expired':
      return { key: 'relayed.expired', values: { host } };
    case 'waiting':
    case 'taken':
    case 'unknown':
      return { key: 'relayed.unknown', values: { host } };
  }
}
