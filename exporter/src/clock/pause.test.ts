import { expect, it } from 'vitest';
import { ManualClock } from './manual.ts';
import { pause } from './pause.ts';

const never = new AbortController().signal;

it('is over by the wall clock, or where that is put back, by the time that goes by', async () => {
  const clock = new ManualClock(3_600_000);
  const byTheWall = pause(clock, 3_000_000, never);
  clock.advance(3_000_000);
  await byTheWall;

  const put = pause(clock, 30, never);
  clock.set(0);
  await put;
  expect(clock.now()).toBe(0);
});

it('is over at once on abort', async () => {
  const stop = new AbortController();
  const waits = pause(new ManualClock(0), 3_000_000, stop.signal);
  stop.abort();
  await waits;
});
