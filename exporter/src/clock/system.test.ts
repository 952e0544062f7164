import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, wallClock } from './system.ts';

const hour = 3_600_000;
const signal = new AbortController().signal;

/** The timers are real; the clock on the wall is set by the test. */
let setBy: number;
beforeEach(() => {
  setBy = 0;
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + setBy);
});
afterEach(() => vi.restoreAllMocks());

describe('the clock of the system', () => {
  it('wakes when a time has come, at once where it has, and not before', async () => {
    const began = performance.now();
    await systemClock.wakeAt(systemClock.now() + 50, signal);
    expect(performance.now() - began).toBeGreaterThan(45);
    await systemClock.wakeAt(systemClock.now() - hour, signal);
    await systemClock.wakeAt(systemClock.now(), signal);
  });

  it('sleeps on for an hour that it was set back by', async () => {
    const stop = new AbortController();
    const awake = vi.fn();
    const sleeping = systemClock.wakeAt(systemClock.now() + 30, stop.signal).then(awake);
    setBy = -hour;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(awake).not.toHaveBeenCalled();
    stop.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow();
  });

  it('wakes after its leg for a day that it was set forward by', async () => {
    const clock = wallClock(50);
    const sleeping = clock.wakeAt(clock.now() + 24 * hour, signal);
    setBy = 24 * hour;
    const began = performance.now();
    await sleeping;
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('gives up when it is told to, at once', async () => {
    const stop = new AbortController();
    const sleeping = systemClock.wakeAt(systemClock.now() + hour, stop.signal);
    stop.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow();
    await expect(systemClock.wakeAt(systemClock.now() - 1, stop.signal)).rejects.toThrow('enough');
  });
});
