import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planDue, planFleetDue } from '../schedule/plan-due.ts';
import type { PlanJob } from '../schedule/planner.ts';
import { loadAt, type HostLoad } from '../schedule/slot-grid.ts';
import { formatDuration } from '../units/duration.ts';
import { tooBusy } from './gate.ts';

const minute = 60_000;
const hour = 60 * minute;
const step = 5 * minute;
const now = Date.UTC(2026, 10, 24, 12);
const highWater = { cpu: 0.75, memory: 0.9, disk: 0.8 };

/** Two days; `cpu` by hours from now. */
const host = (cpu: (hour: number) => number, more: Partial<HostLoad> = {}): HostLoad => ({
  ...{ startsAt: now, stepMs: step, isKnown: true, highWater },
  cpu: Float64Array.from({ length: 576 }, (_, index) => cpu(index / 12)),
  memory: new Float64Array(576).fill(0.2),
  ...more,
});

/** Due now, at the latest in four hours. */
const job = (more: Partial<PlanJob> = {}): PlanJob => ({
  ...{ schedule: 'db', durationMs: 30 * minute, priority: 'medium', stores: [] },
  occurrence: { dueAt: now, windowStart: now, windowEnd: now, deadline: now + 4 * hour },
  resources: { cpu: 0.05, memory: 0.05 },
  ...more,
});

interface Told {
  readonly start: number;
  readonly text: string;
}

function told(load: HostLoad, asked: PlanJob, hosts: Record<string, HostLoad> = {}): Told {
  const { slots, explain } = planDue({ now, load, hosts, jobs: [asked] });
  const [slot] = slots;
  if (slot === undefined) throw new Error('there is no slot');
  return { start: slot.start, text: explain(slot).text };
}

/** What is said of that behind the reason of the slot. */
function waitOf(...asked: Parameters<typeof told>): string | undefined {
  return told(...asked).text.split('; ')[1];
}

/** For how many minutes the gate holds what is planned for now, where all comes as forecast. */
function held(load: HostLoad): number {
  const deadline = now + 4 * hour;
  for (let at = now; ; at += step) {
    const lowest = (resource: 'cpu' | 'memory' | 'disk'): number | undefined => {
      const coming = resource === 'disk' ? [] : load[resource].slice((at - now) / step, 48);
      return coming.length === 0 ? undefined : Math.min(...coming);
    };
    const live = { ...loadAt(load, at), disk: 0 };
    if (tooBusy(live, highWater, { now: at, slot: now, deadline }, 'run', lowest) === undefined)
      return (at - now) / minute;
  }
}

const waits = (name: string, span: string): string =>
  `${name} is above its high_water of 0.75 then, so it will probably wait for ${span}`;

describe('what is planned where the host is forecast to be above a mark', () => {
  it.each([
    ['until the mark has risen', (hours: number) => (hours < 3.5 ? 0.85 : 0.78), '1h40m'],
    ['until the host is quieter', (hours: number) => (hours < 1 ? 0.85 : 0.76), '1h'],
  ])('is told to wait, %s', (_, cpu, span) => {
    expect(waitOf(host(cpu), job())).toBe(waits('cpu', span));
    const idle = host(() => 0.1);
    expect(waitOf(idle, job({ host: 'db1' }), { db1: host(cpu) })).toBe(waits('cpu of db1', span));
  });

  it('is told to wait as long as the gate holds it, if at all', () => {
    const levels = fc.array(fc.double({ min: 0.6, max: 1, noNaN: true }), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(levels, levels, (cpu, memory) => {
        const byHalfHours = (of: readonly number[]): Float64Array =>
          Float64Array.from({ length: 576 }, (__, index) => of[Math.floor(index / 6)] ?? of[8] ?? 1);
        const load = { ...host(() => 0), cpu: byHalfHours(cpu), memory: byHalfHours(memory) };
        const { start, text } = told(load, job());
        fc.pre(start === now);
        const minutes = held(load);
        const span = /wait for (.*)$/.exec(text)?.[1] ?? '0s';
        expect(span).toBe(formatDuration(minutes * minute));
      }),
      { numRuns: 300 },
    );
  });

  it('is not told to wait for what stays as it is, nor where it is skipped at its deadline', () => {
    const alwaysFull = host(() => 0.9);
    expect(waitOf(alwaysFull, job())).toBeUndefined();
    const fullAtFirst = host((hours) => (hours < 1 ? 0.85 : 0.76));
    expect(waitOf(fullAtFirst, job({ isSkipped: true }))).toBeUndefined();
  });

  it('has used up some of its time where it is behind its window', () => {
    const cpu = (hours: number): number => (hours < 3.5 ? 0.85 : 0.78);
    const occurrence = {
      dueAt: now - 4 * hour,
      windowStart: now - 4 * hour,
      windowEnd: now - hour,
      deadline: now + 4 * hour,
    };
    // Two of five hours are over as the mark has risen to 0.85.
    expect(waitOf(host(cpu), job({ occurrence }))).toBe(waits('cpu', '1h'));
  });

  it('is told to wait by the plan for several hosts as well, by the marks of the one that is to run it', () => {
    const loads = { a: host(() => 0.1), b: host((hours) => (hours < 1 ? 0.85 : 0.76)) };
    const { slots, explain } = planFleetDue({
      now,
      hosts: new Map(Object.entries(loads).map(([name, load]) => [name, { jobs: [job()], load }])),
    });
    const told = [...slots.values()].flat().map((run) => explain(run).text.split('; ')[1]);
    expect(told).toEqual([undefined, waits('cpu', '1h')]);
  });
});
