import type { RelayedRequest } from 'lowtide/api';
import type { Message } from '../words/words.ts';

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
