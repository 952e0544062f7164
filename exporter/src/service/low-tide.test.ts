import { describe, expect, it } from 'vitest';
import type { Rotation } from '../catalog/rotations.ts';
import { ManualClock } from '../clock/manual.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { tooBusy, type LiveLoad } from '../load/gate.ts';
import { LowTide, patienceMs } from './low-tide.ts';

const none = { backups: 0, bytes: 0 };
const noon = Date.UTC(2026, 10, 24, 12);
const rotation: Rotation = {
  id: 'o1',
  mode: 'reencrypt',
  trigger: 'policy',
  startedAt: noon,
  status: 'running',
  cancelRequested: false,
  atLowTide: true,
  pending: none,
  done: none,
  skipped: none,
  failed: none,
};
const highWater = {
  cpu: 0.75,
  memory: 0.9,
  disk: 0.8,
  pressure: { cpu: 1, memory: 1, disk: 1 },
};
const loadOf = (cpu: number): LiveLoad => ({ cpu, memory: 0.1, disk: NaN });

describe('a rotation at low tide', () => {
  const told: (string | undefined)[] = [];
  let cpu: number;
  let cancelled: boolean;
  let clock: ManualClock;
  function begin(load: number, signal = new AbortController().signal): Promise<void> {
    [cpu, cancelled, clock] = [load, false, new ManualClock(noon)];
    told.length = 0;
    const { gate } = new LowTide({
      clock,
      tooBusy: (times) => tooBusy(loadOf(cpu), highWater, times, 'run'),
      isCancelled: () => Promise.resolve(cancelled),
      onWait: (_, reason) => told.push(reason),
    });
    return gate(rotation, signal);
  }
  /** Whether it still waits, once everything that can happen at this moment has happened. */
  async function waits(held: Promise<void>): Promise<boolean> {
    const turn = new Promise<'turn'>((resolve) => setImmediate(resolve, 'turn'));
    return (await Promise.race([held, turn])) === 'turn';
  }

  it('goes on at once while the host is quiet', async () => {
    await begin(0.2);
    expect(told).toEqual([]);
  });

  it('waits while the host is busy, and goes on when it is not', async () => {
    const held = begin(0.9);
    expect(await waits(held)).toBe(true);
    clock.advance(3_600_000);
    expect(await waits(held)).toBe(true);
    cpu = 0.5;
    clock.advance(5000);
    await held;
    expect(told).toEqual(['cpu', undefined]);
  });

  it('grows less particular, and after a day waits for nothing', async () => {
    const held = begin(0.9);
    // At 60 % of the day the mark is at 0.75 + 0.25 * 0.6 = 0.9.
    clock.advance(patienceMs * 0.59);
    expect(await waits(held)).toBe(true);
    clock.advance(patienceMs * 0.02);
    await held;
    const full = begin(1);
    clock.advance(patienceMs - 5000);
    expect(await waits(full)).toBe(true);
    clock.advance(5000);
    await full;
  });

  it('does not wait where somebody wants it to stop', async () => {
    const held = begin(0.9);
    expect(await waits(held)).toBe(true);
    cancelled = true;
    clock.advance(5000);
    await held;
  });

  it('is interrupted while it waits', async () => {
    const stop = new AbortController();
    const held = begin(0.9, stop.signal);
    const refused = expect(held).rejects.toMatchObject({ code: 'interrupted' });
    expect(await waits(held)).toBe(true);
    stop.abort(new LowtideError('interrupted', 'the service was stopped'));
    await refused;
  });
});
