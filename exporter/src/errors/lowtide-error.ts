import { errorCodes, type CodeFacts, type ErrorCode } from './codes.ts';

export interface LowtideErrorOptions {
  /** What the reader can do about it, as one sentence. */
  readonly hint?: string;
  /** Set by the adapter, which alone knows whether trying again can help. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** An error with a stable code and a remedy. Messages name the place and never hold a secret. */
export class LowtideError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: LowtideErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LowtideError';
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }

  get facts(): CodeFacts {
    return errorCodes[this.code];
  }

  /** Whatever was thrown, as a LowtideError: what is not one yet becomes `internal`, with the original as cause. */
  static from(thrown: unknown): LowtideError {
    if (thrown instanceof LowtideError) return thrown;
    if (thrown instanceof Error) {
      const code = thrown.name === 'AbortError' ? 'cancelled' : 'internal';
      return new LowtideError(code, thrown.message, { cause: thrown });
    }
    return new LowtideError('internal', String(thrown), { cause: thrown });
  }
}

/** The `code` of a system error (`ENOENT`, `ENOSPC`), or undefined for anything else. */
export function systemErrorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
