import { describe, expect, it } from 'vitest';
import { tooBusy } from './gate.ts';

const marks = { cpu: 0.75, memory: 0.9, disk: 0.8 };
const times = { now: 0, slot: 0, deadline: 1000 };
const quiet = { cpu: 0.1, memory: 0.5, disk: 0.1 };

describe('tooBusy', () => {
  it.each([
    [quiet, undefined],
    [{ ...quiet, cpu: 0.76 }, 'cpu'],
    [{ ...quiet, memory: 0.95 }, 'memory'],
    [{ ...quiet, disk: 0.85 }, 'disk'],
    [{ ...quiet, cpu: 0.75 }, undefined],
    [{ cpu: NaN, memory: NaN, disk: NaN }, undefined],
  ] as const)('names what is too busy in %o: %s', (load, resource) => {
    expect(tooBusy(load, marks, times)).toBe(resource);
  });

  it('lets more pass as time goes, and everything at the deadline', () => {
    const busy = { ...quiet, cpu: 0.9 };
    expect(tooBusy(busy, marks, { ...times, now: 500 })).toBe('cpu');
    expect(tooBusy(busy, marks, { ...times, now: 601 })).toBeUndefined();
    const full = { cpu: 1, memory: 1, disk: 1 };
    expect(tooBusy(full, { cpu: 0.1, memory: 0.1, disk: 0.1 }, { ...times, now: 999 })).toBe('cpu');
    expect(tooBusy(full, marks, { ...times, now: 1000 })).toBeUndefined();
  });

  it('holds up nothing where nothing is known, and where there is no time to lose', () => {
    expect(tooBusy(undefined, marks, times)).toBeUndefined();
    expect(tooBusy({ ...quiet, cpu: 1 }, marks, { now: 0, slot: 0, deadline: 0 })).toBeUndefined();
  });
});
