import { LowtideError, type LowtideErrorOptions } from '../errors/lowtide-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { describeEnd } from '../process/child.ts';
import type { ChildEnd } from '../process/command.ts';

/** How many lines of a tool are kept with a run, or named in an error. */
const linesKept = 20;

/** From here on a child's standard error has lost its beginning (see ChildEnd), its first line is a torn one. */
const stderrLimit = 64 * 1024;

/** The lines a tool wrote to standard error, without empty ones. */
export function stderrLines(end: ChildEnd): readonly string[] {
  const lines = end.stderr.split('\n');
  const whole = end.stderr.length >= stderrLimit ? lines.slice(1) : lines;
  return whole.map((line) => line.trim()).filter((line) => line !== '');
}

/** The first twenty, and how many more there were. */
export function firstLines(lines: readonly string[]): readonly string[] {
  if (lines.length <= linesKept) return lines;
  return [...lines.slice(0, linesKept), `and ${lines.length - linesKept} more`];
}

/** What a tool's words mean to the one who has to act on them. */
export interface Trouble {
  readonly pattern: RegExp;
  readonly hint: string;
  /** Absent: `source_failed`. */
  readonly code?: ErrorCode;
  /** Absent: trying again does not help. */
  readonly retryable?: boolean;
}

/** The error for a child that failed, with the hint of the first trouble that its words match. */
export function failure(
  end: ChildEnd,
  troubles: readonly Trouble[] = [],
  otherwise?: ErrorCode,
): LowtideError {
  const trouble = troubles.find(({ pattern }) => pattern.test(end.stderr));
  const options: LowtideErrorOptions = trouble
    ? { hint: trouble.hint, retryable: trouble.retryable ?? false }
    : {};
  return new LowtideError(trouble?.code ?? otherwise ?? 'source_failed', describeEnd(end), options);
}

/** The child's end with every secret in its words masked: what a tool prints is not ours to trust. */
export function redacted(end: ChildEnd, secrets: readonly (string | undefined)[]): ChildEnd {
  let stderr = end.stderr;
  for (const secret of secrets) {
    // Masking very short ones would tear ordinary words apart, and give them away by where the gaps are.
    if (secret !== undefined && secret.length >= 4) stderr = stderr.replaceAll(secret, '***');
  }
  return { ...end, stderr };
}

/** Values of variables whose name says that they are secret. */
export function secretsIn(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env)
    .filter(([name]) => /pass|pwd|secret|token|key|credential|auth|url|dsn/i.test(name))
    .map(([, value]) => value);
}
