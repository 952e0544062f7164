import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import { ClockWatch } from './clock-watch.ts';

const noon = Date.UTC(2026, 10, 24, 12);

describe('a clock that is watched', () => {
  let clock: ManualClock;
  let uptimeMs: number;
  let watch: ClockWatch;
  beforeEach(() => {
    clock = new ManualClock(noon);
    uptimeMs = 5_000_000;
    watch = new ClockWatch({ clock, uptimeMs: () => uptimeMs });
  });
  const passes = (ms: number): void => {
    uptimeMs += ms;
    clock.advance(ms);
  };

  it('goes steadily while time passes, also through a long sleep of the host', () => {
    for (const ms of [10_000, 8 * 3_600_000, 1]) passes(ms);
    expect(watch.jump()).toEqual({});
  });

  it('is told to have been set, forward and back', () => {
    passes(10_000);
    clock.advance(3_600_000);
    expect(watch.jump()).toEqual({ jump: { at: noon + 3_610_000, byMs: 3_600_000 } });
    passes(10_000);
    clock.set(noon);
    expect(watch.jump()).toEqual({ jump: { at: noon, byMs: -3_620_000 } });
    passes(86_400_000);
    expect(watch.jump()).toEqual({ jump: { at: noon, byMs: -3_620_000 } });
  });

  it('may be put right by less than a minute, again and again', () => {
    for (let count = 0; count < 20; count += 1) {
      clock.advance(59_000);
      expect(watch.jump()).toEqual({});
    }
  });

  it('is looked at by itself', async () => {
    const stop = new AbortController();
    const running = watch.run(stop.signal);
    clock.advance(3_600_000);
    await new Promise(setImmediate);
    // Set back again before anybody has asked: the last jump is told.
    clock.set(noon);
    expect(watch.jump()).toEqual({ jump: { at: noon, byMs: -3_600_000 } });
    stop.abort();
    await running;
  });
});
