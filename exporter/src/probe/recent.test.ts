import { describe, expect, it } from 'vitest';
import { recent } from './recent.ts';

describe('recent', () => {
  it.each([
    ['within its age', 999, 1],
    ['at its age', 1000, 2],
    ['long after', 1_000_000, 2],
    ['when the clock was set back', -1, 2],
  ])('asks %s', async (_, later, asked) => {
    let now = 0;
    let calls = 0;
    const ask = recent(
      () => Promise.resolve((calls += 1)),
      1000,
      () => now,
    );
    await ask();
    now = later;
    expect(await ask()).toBe(asked);
  });

  it('shares a question that is under way, even when nothing is kept', async () => {
    let calls = 0;
    const ask = recent(
      () => Promise.resolve((calls += 1)),
      0,
      () => 0,
    );
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    expect(await ask()).toBe(2);
  });

  it('keeps each answer for as long as the answer says', async () => {
    let calls = 0;
    const ask = recent(
      () => Promise.resolve((calls += 1)),
      (answer) => (answer === 1 ? 0 : 10),
      () => 0,
    );
    expect([await ask(), await ask(), await ask()]).toEqual([1, 2, 2]);
  });

  it('does not keep a failure', async () => {
    let calls = 0;
    const ask = recent(
      () => ((calls += 1) === 1 ? Promise.reject(new Error('no')) : Promise.resolve(calls)),
      1000,
      () => 0,
    );
    await expect(ask()).rejects.toThrow('no');
    expect(await ask()).toBe(2);
  });

  describe('for those who cannot wait', () => {
    it.each([
      ['within its age', 999, 1, 1],
      ['up to twice its age', 1999, 1, 2],
      ['beyond that', 2000, 2, 2],
      ['when the clock was set back', -1, 2, 2],
    ])('answers %s', async (_, later, answered, asked) => {
      let now = 0;
      let calls = 0;
      const ask = recent(
        () => Promise.resolve((calls += 1)),
        1000,
        () => now,
      );
      expect(await ask.soon()).toBe(1);
      now = later;
      expect(await ask.soon()).toBe(answered);
      await new Promise(setImmediate);
      expect(calls).toBe(asked);
      expect(await ask.soon()).toBe(asked);
    });

    it('goes on with the last answer while the next one fails, and fails with it in the end', async () => {
      let now = 0;
      let fails = false;
      const ask = recent(
        () => (fails ? Promise.reject(new Error('no')) : Promise.resolve('yes')),
        1000,
        () => now,
      );
      await ask();
      [now, fails] = [1500, true];
      expect(await ask.soon()).toBe('yes');
      await new Promise(setImmediate);
      now = 2500;
      await expect(ask.soon()).rejects.toThrow('no');
    });
  });
});
