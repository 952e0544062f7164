import { isAway } from '../errors/away.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

function isLost(thrown: unknown): boolean {
  return thrown instanceof LowtideError && thrown.code === 'state_unknown';
}

/** Tells of what has failed, but for a state that is away: all that asks it fails, and that was told when it went. */
export function report(
  log: Logger,
  thrown: unknown,
  text: string,
  {
    level = 'error',
    ...fields
  }: { readonly level?: 'error' | 'warn'; readonly [field: string]: unknown } = {},
): void {
  if (!isAway(thrown) && !isLost(thrown)) log[level]({ ...fields, err: describe(thrown) }, text);
}
