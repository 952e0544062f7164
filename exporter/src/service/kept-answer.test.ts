import { expect, it } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import { KeptAnswer } from './kept-answer.ts';

const minuteMs = 60_000;

interface Fake {
  readonly catalog: { latestSequence(): Promise<number> };
  readonly clock: ManualClock;
}

it('asks again once something has happened, the config has changed, or an hour has gone by', async () => {
  let [sequence, asked] = [1, 0];
  const clock = new ManualClock(0);
  const installation = (): Fake => ({ catalog: { latestSequence: () => Promise.resolve(sequence) }, clock });
  const kept = new KeptAnswer<Fake, number>(() => Promise.resolve((asked += 1)));
  expect(kept.last).toBeUndefined();
  const first = installation();
  expect(await kept.from(first)).toBe(1);
  clock.advance(59 * minuteMs);
  expect([await kept.from(first), kept.last]).toEqual([1, 1]);
  sequence += 1;
  expect(await kept.from(first)).toBe(2);
  clock.advance(60 * minuteMs);
  expect(await kept.from(first)).toBe(3);
  expect(await kept.from(installation())).toBe(4);
});

it('asks the less often the longer an answer takes', async () => {
  let [sequence, asked] = [1, 0];
  const clock = new ManualClock(0);
  const installation: Fake = { catalog: { latestSequence: () => Promise.resolve((sequence += 1)) }, clock };
  const kept = new KeptAnswer<Fake, number>(() => {
    clock.advance(1000);
    return Promise.resolve((asked += 1));
  });
  for (let seconds = 0; seconds < 200; seconds += 1) {
    clock.advance(1000);
    await kept.from(installation);
  }
  // Each took a second.
  expect(asked).toBe(5);
});
