import type { LowtideError } from '../errors/lowtide-error.ts';

/** What a command ends with; the process exits with it. `partly`: done, with parts that failed, named in the output. */
export const exitCodes = { done: 0, failed: 1, usage: 2, partly: 3 } as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOf(error: LowtideError): ExitCode {
  return error.facts.exit;
}
