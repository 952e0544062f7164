import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tooBusy, type LiveLoad } from './gate.ts';
import { resources, type Resource } from './load.ts';
import type { HostPressure, Pressure } from './pressure.ts';

const marks = {
  cpu: 0.75,
  memory: 0.9,
  disk: 0.8,
  pressure: { cpu: 0.5, memory: 0.1, disk: 0.4 },
};
const times = { now: 0, slot: 0, deadline: 1000 };
const quiet = { cpu: 0.1, memory: 0.5, disk: 0.1 };

function waits(
  shares: Partial<Record<Resource, number>>,
  window: 'avg10' | 'avg60' | 'avg300' = 'avg60',
): HostPressure {
  const nobody = { avg10: 0, avg60: 0, avg300: 0 };
  const of = (share: number): Pressure => ({
    some: { ...nobody, [window]: share },
    full: nobody,
    stalledMs: 0,
  });
  const { cpu = 0, memory = 0, disk = 0 } = shares;
  return { cpu: of(cpu), memory: of(memory), disk: of(disk) };
}

describe('tooBusy', () => {
  it.each([
    [quiet, undefined],
    [{ ...quiet, cpu: 0.76 }, 'cpu'],
    [{ ...quiet, memory: 0.95 }, 'memory'],
    [{ ...quiet, disk: 0.85 }, 'disk'],
    [{ ...quiet, cpu: 0.75 }, undefined],
    [{ cpu: NaN, memory: NaN, disk: NaN }, undefined],
    [{ ...quiet, pressure: waits({}) }, undefined],
    [{ ...quiet, pressure: waits({ cpu: 0.51 }) }, 'cpu_pressure'],
    [{ ...quiet, pressure: waits({ memory: 0.11 }) }, 'memory_pressure'],
    [{ ...quiet, pressure: waits({ disk: 0.41 }) }, 'disk_pressure'],
    [{ ...quiet, pressure: waits({ cpu: 0.5, memory: 0.1, disk: 0.4 }) }, undefined],
    [{ ...quiet, cpu: 0.9, pressure: waits({ disk: 0.9 }) }, 'cpu'],
    [{ ...quiet, pressure: waits({ cpu: 0.51 }, 'avg10') }, 'cpu_pressure'],
    [{ ...quiet, pressure: waits({ cpu: 0.5, memory: 0.1, disk: 0.4 }, 'avg10') }, undefined],
    [{ ...quiet, pressure: waits({ cpu: 1, memory: 1, disk: 1 }, 'avg300') }, undefined],
  ] as const)('names what is too busy in %o: %s', (load, resource) => {
    expect(tooBusy(load, marks, times, 'run')).toBe(resource);
    expect(tooBusy(load, marks, times, 'skip')).toBe(resource);
  });

  it('lets more pass as time goes, and everything at the deadline', () => {
    const busy = { ...quiet, cpu: 0.9 };
    expect(tooBusy(busy, marks, { ...times, now: 500 }, 'run')).toBe('cpu');
    expect(tooBusy(busy, marks, { ...times, now: 601 }, 'run')).toBeUndefined();
    const waiting = { ...quiet, pressure: waits({ disk: 0.7 }) };
    expect(tooBusy(waiting, marks, { ...times, now: 499 }, 'run')).toBe('disk_pressure');
    expect(tooBusy(waiting, marks, { ...times, now: 501 }, 'run')).toBeUndefined();
    const full = { cpu: 1, memory: 1, disk: 1, pressure: waits({ cpu: 1, memory: 1, disk: 1 }) };
    const low = { cpu: 0.1, memory: 0.1, disk: 0.1, pressure: { cpu: 0.1, memory: 0.1, disk: 0.1 } };
    expect(tooBusy(full, low, { ...times, now: 999 }, 'run')).toBe('cpu');
    expect(tooBusy(full, marks, { ...times, now: 1000 }, 'run')).toBeUndefined();
  });

  it('does not wait for what is expected to stay as it is', () => {
    const full = { ...quiet, memory: 0.96, pressure: waits({ memory: 0.5 }) };
    const expecting = (memory: number | undefined) => (resource: Resource) =>
      resource === 'memory' ? memory : 0;
    expect(tooBusy(full, marks, times, 'run', expecting(0.92))).toBeUndefined();
    expect(tooBusy(full, marks, times, 'run', expecting(0.9))).toBe('memory');
    expect(tooBusy(full, marks, times, 'run', expecting(undefined))).toBe('memory');
    expect(tooBusy(full, marks, times, 'skip', expecting(0.92))).toBe('memory');
    // Of another resource there is relief to come.
    expect(tooBusy({ ...full, cpu: 0.9 }, marks, times, 'run', expecting(0.92))).toBe('cpu');
    const cramped = { ...quiet, memory: 0.85, pressure: waits({ memory: 0.5 }) };
    expect(tooBusy(cramped, marks, times, 'run', expecting(0.85))).toBeUndefined();
    expect(tooBusy(cramped, marks, times, 'run', expecting(0.5))).toBe('memory_pressure');
    // Where the load is not known, neither is whether it stays.
    const unknown = { ...cramped, memory: NaN };
    expect(tooBusy(unknown, marks, times, 'run', expecting(0.85))).toBe('memory_pressure');
  });

  it('keeps to the marks to the end where the run is to be skipped then', () => {
    const busy = { ...quiet, cpu: 0.76 };
    expect(tooBusy(busy, marks, { ...times, now: 999 }, 'skip')).toBe('cpu');
    expect(tooBusy(busy, marks, { ...times, now: 1000 }, 'skip')).toBe('cpu');
    expect(tooBusy(quiet, marks, { ...times, now: 1000 }, 'skip')).toBeUndefined();
  });

  it('holds up nothing where nothing is known, and where there is no time to lose', () => {
    expect(tooBusy(undefined, marks, times, 'run')).toBeUndefined();
    expect(tooBusy(undefined, marks, times, 'skip')).toBeUndefined();
    const now = { now: 0, slot: 0, deadline: 0 };
    expect(tooBusy({ ...quiet, cpu: 1 }, marks, now, 'run')).toBeUndefined();
  });

  it('never holds up what it let pass before, as long as the load does not grow', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const shares = fc.record({ cpu: share, memory: share, disk: share });
    fc.assert(
      fc.property(shares, shares, fc.nat(1000), fc.nat(1000), (load, pressure, at, later) => {
        const live: LiveLoad = { ...load, pressure: waits(pressure) };
        const first = tooBusy(live, marks, { ...times, now: Math.min(at, later) }, 'run');
        const second = tooBusy(live, marks, { ...times, now: Math.max(at, later) }, 'run');
        expect(first === undefined && second !== undefined).toBe(false);
        const isQuiet = resources.every((resource) => load[resource] <= marks[resource]);
        const nobodyWaits = resources.every((resource) => pressure[resource] <= marks.pressure[resource]);
        if (isQuiet && nobodyWaits) expect(first).toBeUndefined();
      }),
    );
  });
});
