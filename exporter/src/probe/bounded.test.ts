import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bounded } from './bounded.ts';

describe('bounded', () => {
  it('passes answers and failures on, also those thrown at once', async () => {
    let calls = 0;
    const ask = bounded(
      'it',
      () => {
        calls += 1;
        if (calls === 2) throw new Error('no');
        return calls;
      },
      1000,
    );
    expect(await ask()).toBe(1);
    await expect(ask()).rejects.toThrow('no');
    expect(await ask()).toBe(3);
  });

  it('asks once however many wait, and fails all of them when the answer is late', async () => {
    let calls = 0;
    const question = Promise.withResolvers<string>();
    const ask = bounded(
      'the disk',
      () => {
        calls += 1;
        return question.promise;
      },
      5,
    );
    const refusal = { code: 'internal', message: 'the disk has not answered within 5ms', retryable: true };
    const first = ask();
    const second = ask();
    await expect(first).rejects.toMatchObject(refusal);
    await expect(second).rejects.toMatchObject(refusal);
    await expect(ask()).rejects.toMatchObject(refusal);
    expect(calls).toBe(1);
    question.resolve('at last');
    await setImmediate();
    expect(await ask()).toBe('at last');
    expect(calls).toBe(2);
  });

  it('lets a failure that comes too late pass unheard', async () => {
    const question = Promise.withResolvers<string>();
    const ask = bounded('it', () => question.promise, 1);
    await expect(ask()).rejects.toMatchObject({ code: 'internal' });
    question.reject(new Error('late'));
    await expect(question.promise).rejects.toThrow('late');
  });
});
