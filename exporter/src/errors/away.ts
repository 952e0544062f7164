import { LowtideError } from './lowtide-error.ts';

/** True where the state cannot be reached: it will be again, and whoever waits for it is told once. */
export function isAway(thrown: unknown): thrown is LowtideError {
  return thrown instanceof LowtideError && thrown.code === 'state_unavailable';
}

/** The answer, for what can do without one while the state is away: then undefined. */
export async function unlessAway<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (isAway(thrown)) return undefined;
    throw thrown;
  }
}
