import { LowtideError } from '../../errors/lowtide-error.ts';

/** `verification_failed`, for content that is exactly what was stored and yet no good. */
export function unusable(what: string): LowtideError {
  return new LowtideError('verification_failed', `the content is what was stored, but ${what}`, {
    hint: 'The dump itself was not good: every copy of this backup is the same. Use an older one, and check the source.',
  });
}
