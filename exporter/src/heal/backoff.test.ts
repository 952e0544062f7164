import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { HealBackoff } from './backoff.ts';

const copy = { backupId: 'b1', store: 'offsite' };
const hourMs = 3_600_000;
const down = new LowtideError('store_unavailable', 'down');

/** For how long it waits, to the minute. */
function waitAfter(backoff: HealBackoff, now: number): number {
  let waited = 0;
  while (backoff.isWaiting(copy, now + waited)) waited += 60_000;
  return waited;
}

it('waits ever longer, from minutes to hours, never for less than half and never for longer than six', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 12 }), (randoms) => {
      const values = randoms.values();
      const backoff = new HealBackoff(() => values.next().value ?? 0);
      let now = 0;
      for (let tries = 1; tries <= 12; tries += 1) {
        backoff.failed(copy, down, now);
        const full = Math.min(6 * hourMs, 120_000 * 2 ** (tries - 1));
        const waited = waitAfter(backoff, now);
        expect(waited).toBeGreaterThanOrEqual(full / 2);
        expect(waited).toBeLessThanOrEqual(full + 60_000);
        now += waited;
      }
    }),
    { numRuns: 20 },
  );
});

it('waits long at once where it was refused for good, begins anew when the store came back, and not for a clock set back', () => {
  const backoff = new HealBackoff(() => 0);
  backoff.failed(copy, new LowtideError('store_denied', 'locked'), 0);
  expect(waitAfter(backoff, 0)).toBe(3 * hourMs);
  expect(backoff.isWaiting(copy, -24 * hourMs)).toBe(false);
  expect(backoff.isWaiting({ ...copy, backupId: 'b2' }, 0)).toBe(false);
  backoff.cameBack('offsite');
  expect(backoff.isWaiting(copy, 0)).toBe(false);
  backoff.failed(copy, down, 0);
  backoff.succeeded(copy);
  expect(backoff.isWaiting(copy, 0)).toBe(false);
});
