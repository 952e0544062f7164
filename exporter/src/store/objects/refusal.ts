import type { ErrorCode } from '../../errors/codes.ts';

/** How an answer that servers of objects give is told, whatever they call it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly why?: string;
  readonly hint?: string;
  readonly retryable?: boolean;
}

export const full: Refusal = {
  code: 'store_full',
  why: 'no space is left',
  hint: 'Raise the quota, or keep fewer backups (keep in the schedule).',
};
export const busy: Refusal = {
  code: 'store_unavailable',
  why: 'the server asks to slow down',
  retryable: true,
};
export const damaged: Refusal = {
  code: 'store_unavailable',
  why: 'bytes were damaged on the way',
  retryable: true,
};
export const passing: Refusal = { code: 'store_unavailable', retryable: true };

/** What the status alone says; `denied` is told in the words of the server's rights. */
export function refusalOfStatus(status: number, denied: Refusal): Refusal {
  if (status >= 500 || status === 429 || status === 408) return passing;
  if (status === 401 || status === 403) return denied;
  if (status === 404) return { code: 'store_missing_object' };
  // A conflict with another request, which will be over.
  if (status === 409) return passing;
  return { code: 'store_unavailable' };
}

/** Whether the network, not the server, has put an end to a request; `code`: that of the system or the SDK. */
export function isNetworkTrouble(code: string, message: string): boolean {
  return networkCodes.has(code) || /socket hang up|aborted|other side closed|premature close/i.test(message);
}

const networkCodes = new Set([
  'AbortError',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
  'NetworkingError',
  'REQUEST_SEND_ERROR',
  'TimeoutError',
]);
