import { vi } from 'vitest';

/** Asks until it is so. A machine with too much to do is slow, which is no failure. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 50 });
}
