import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual.ts';

const never = new AbortController().signal;

/** Whether a promise has settled once everything that is ready has run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('ManualClock', () => {
  it('stands still until it is told', () => {
    const clock = new ManualClock(1000);
    expect(clock.now()).toBe(1000);
    clock.advance(500);
    expect(clock.now()).toBe(1500);
    clock.set(200);
    expect(clock.now()).toBe(200);
  });

  it('wakes at once for a time that has come', async () => {
    const clock = new ManualClock(1000);
    await clock.wakeAt(1000, never);
    await clock.wakeAt(-5, never);
  });

  it('wakes a sleeper when its time comes, and not before', async () => {
    const clock = new ManualClock(0);
    const sleep = clock.wakeAt(100, never);
    clock.set(99);
    expect(await isSettled(sleep)).toBe(false);
    clock.set(100);
    await sleep;
  });

  it('lets sleepers sleep on when it is set back', async () => {
    const clock = new ManualClock(50);
    const sleep = clock.wakeAt(100, never);
    clock.set(0);
    clock.advance(60);
    expect(await isSettled(sleep)).toBe(false);
    clock.advance(40);
    await sleep;
  });

  it('rejects with the reason when the wait is given up, before or meanwhile', async () => {
    const clock = new ManualClock(0);
    const reason = new Error('shutting down');
    await expect(clock.wakeAt(100, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const sleep = clock.wakeAt(100, controller.signal);
    controller.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    clock.set(200);
  });

  it('wakes everyone who is due, and only them', async () => {
    const clock = new ManualClock(0);
    const early = clock.wakeAt(10, never);
    const alsoEarly = clock.wakeAt(20, never);
    const late = clock.wakeAt(30, never);
    clock.set(20);
    await Promise.all([early, alsoEarly]);
    expect(await isSettled(late)).toBe(false);
    clock.set(30);
    await late;
  });
});
