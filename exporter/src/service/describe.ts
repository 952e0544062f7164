import { LowtideError } from '../errors/lowtide-error.ts';

/** An error as a log line has it. Where nobody had foreseen it, with the place in the code: the log is all that there is of it. */
export function describe(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
} {
  const known = LowtideError.from(error);
  const { code, message, hint, cause } = known;
  const { stack } = cause instanceof Error ? cause : known;
  return {
    code,
    message,
    ...(hint !== undefined && { hint }),
    ...(code === 'internal' && stack !== undefined && { stack }),
  };
}
