import { LowtideError } from '../errors/lowtide-error.ts';

/** An error as a log line has it. */
export function describe(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
} {
  const { code, message, hint } = LowtideError.from(error);
  return { code, message, ...(hint !== undefined && { hint }) };
}
