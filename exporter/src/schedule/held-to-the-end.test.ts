import { describe, expect, it } from 'vitest';
import type { PlannedFleet } from './fleet.ts';
import { planDue, planFleetDue } from './plan-due.ts';
import type { PlanJob } from './planner.ts';
import type { HostLoad } from './slot-grid.ts';

const minute = 60_000;
const hour = 60 * minute;
const now = Date.UTC(2026, 10, 24, 12);

/** Two days; `cpu` by hours from now. */
const host = (cpu: (hour: number) => number, more: Partial<HostLoad> = {}): HostLoad => ({
  ...{ startsAt: now, stepMs: 5 * minute, isKnown: true },
  cpu: Float64Array.from({ length: 576 }, (_, step) => cpu(step / 12)),
  memory: new Float64Array(576).fill(0.2),
  highWater: { cpu: 0.75, memory: 0.9 },
  ...more,
});

const job = (more: Partial<PlanJob> = {}): PlanJob => ({
  ...{ schedule: 'db', durationMs: hour, priority: 'medium', stores: [], isSkipped: true },
  occurrence: { dueAt: now, windowStart: now, windowEnd: now + 4 * hour, deadline: now + 6 * hour },
  resources: { cpu: 0.05, memory: 0.05 },
  ...more,
});

function told(load: HostLoad, asked: PlanJob, hosts: Record<string, HostLoad> = {}): readonly string[] {
  const { slots, misfits } = planDue({ now, load, hosts, jobs: [asked] });
  expect(slots).toHaveLength(1);
  return misfits.map(({ reason }) => `${reason.code}: ${reason.text}`);
}

const busy = (hours: number): number => (hours < 3 ? 0.9 : 0.85);
const text = (name: string, load: string, mark: number): string =>
  `busy: it will be skipped, for the host is forecast to be busy up to its latest start: ${name} at ${load} or more, and above its high_water of ${mark} it does not start`;

describe('what the host is forecast to be too busy for up to its latest start', () => {
  it('is told, where it is skipped then', () => {
    expect(told(host(busy), job())).toEqual([text('cpu', '0.85', 0.75)]);
    const full = { memory: new Float64Array(576).fill(0.92) };
    expect(
      told(
        host(() => 0.1, full),
        job(),
      ),
    ).toEqual([text('memory', '0.92', 0.9)]);
  });

  it('is told by what comes closest to its mark', () => {
    const memory = Float64Array.from({ length: 576 }, (_, step) => (step < 36 ? 0.92 : 0.2));
    const cpu = (hours: number): number => (hours < 3 ? 0.1 : 0.9);
    expect(told(host(cpu, { memory }), job())).toEqual([text('memory', '0.92', 0.9)]);
  });

  it('is not told of what runs at its deadline in any case', () => {
    const { isSkipped, ...runs } = job();
    expect(isSkipped).toBe(true);
    expect(told(host(busy), runs)).toEqual([]);
  });

  it('is nothing where it may start once, be it at the last moment', () => {
    const quietAtLast = (hours: number): number => (hours < 6 ? 0.9 : 0.5);
    expect(told(host(quietAtLast), job())).toEqual([]);
    const next = now + 6 * hour;
    expect(told(host(quietAtLast), job({ supersededAt: next }))).toEqual([text('cpu', '0.90', 0.75)]);
  });

  it('is nothing where it begins amid a step, and may start in the first moment of the next', () => {
    // Worse behind it, by its memory, and yet below both marks.
    const memory = Float64Array.from({ length: 576 }, (_, step) => (step < 1 ? 0.1 : 0.89));
    const openBehindIt = host((hours) => (hours < 1 / 12 ? 0.8 : 0.7), { memory });
    const dueAt = now + 3 * minute;
    const short = (minutes: number): PlanJob =>
      job({
        occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt, deadline: dueAt + minutes * minute },
      });
    expect(told(openBehindIt, short(2))).toEqual([]);
    expect(told(openBehindIt, short(1.9))).toEqual([text('cpu', '0.80', 0.75)]);
  });

  it('is told of the host that it names as well, by the marks of that one', () => {
    const there = { db1: host(() => 0.6, { highWater: { cpu: 0.5, memory: 0.9 } }) };
    const quiet = host(() => 0.1);
    expect(told(quiet, job({ host: 'db1' }), there)).toEqual([text('cpu of db1', '0.60', 0.5)]);
    expect(told(quiet, job(), there)).toEqual([]);
  });

  it('is nothing where no hour is known from another, or no mark is set', () => {
    expect(told(host(busy, { isKnown: false }), job())).toEqual([]);
    const { highWater, ...unmarked } = host(busy);
    expect(highWater).toBeDefined();
    expect(told(unmarked, job())).toEqual([]);
  });
});

describe('what comes every minute, and is skipped where the host is too busy', () => {
  const often = (more: Partial<PlanJob> = {}): readonly PlanJob[] =>
    Array.from({ length: 60 }, (_, index) => {
      const dueAt = now + index * minute;
      return job({
        ...{ schedule: 'often', durationMs: minute / 2, resources: { cpu: 0.3, memory: 0.1 } },
        occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt, deadline: dueAt + minute / 4 },
        supersededAt: dueAt + minute,
        ...more,
      });
    });
  const problems = (load: HostLoad, jobs: readonly PlanJob[]): readonly string[] =>
    planDue({ now, load, jobs }).misfits.map(
      ({ job: { schedule, occurrence }, reason }) =>
        `${schedule} ${new Date(occurrence.dueAt).toISOString().slice(11, 16)} ${reason.code}: ${reason.text}`,
    );
  const held = (who: string, name: string, load: string, mark: number): string =>
    `busy: ${who} will be skipped, for the host is forecast to be busy up to the latest start of each: ${name} at ${load} or more, and above its high_water of ${mark} they do not start`;

  it('is told once for all those in a row, by what comes closest to its mark', () => {
    const cpu = (hours: number): number => (hours < 0.25 ? 0.9 : hours < 0.5 ? 0.8 : 0.1);
    expect(problems(host(cpu), often())).toEqual([
      `often 12:00 ${held('it and the 29 behind it', 'cpu', '0.80', 0.75)}`,
    ]);
  });

  it('is told anew behind one that may start, and of another resource', () => {
    const cpu = (hours: number): number => (hours < 0.25 || hours >= 0.75 ? 0.9 : 0.1);
    expect(problems(host(cpu), often())).toEqual([
      `often 12:00 ${held('it and the 14 behind it', 'cpu', '0.90', 0.75)}`,
      `often 12:45 ${held('it and the 14 behind it', 'cpu', '0.90', 0.75)}`,
    ]);
    const first = {
      ...host((hours) => (hours < 0.25 ? 0.9 : 0.1)),
      memory: new Float64Array(576).fill(0.95),
    };
    expect(problems(first, often()).map((each) => each.slice(0, 11))).toEqual(['often 12:00', 'often 12:15']);
  });

  it('misses nothing for one that will be skipped itself, and is not told as without room as well', () => {
    const big = job({
      ...{ schedule: 'big', durationMs: hour / 2, resources: { cpu: 0.9, memory: 0.1 } },
      occurrence: { dueAt: now, windowStart: now, windowEnd: now, deadline: now + minute },
    });
    const first = (hours: number): number => (hours < 0.25 ? 0.8 : 0.1);
    const { isSkipped, ...inAnyCase } = big;
    expect(isSkipped).toBe(true);
    const codes = (jobs: readonly PlanJob[]): readonly string[] =>
      problems(host(first), jobs).map((each) => each.slice(0, each.indexOf(':', 12)));
    const [runs] = often();
    const { isSkipped: isOften, ...made } = runs ?? job();
    expect(isOften).toBe(true);
    const always = often().map(({ occurrence }): PlanJob => ({
      ...made,
      occurrence,
      supersededAt: occurrence.dueAt + minute,
    }));
    expect(codes([big, ...always])).toEqual(['big 12:00 cramped', 'big 12:00 busy']);
    expect(codes([inAnyCase, ...always])).toEqual(['big 12:00 cramped', 'often 12:00 no_room']);
    expect(codes([inAnyCase, ...often()])).toEqual([
      'big 12:00 cramped',
      'often 12:15 no_room',
      'often 12:00 busy',
    ]);
  });
});

describe('what one of many hosts is forecast to be too busy for', () => {
  const loaded = host((hours) => (hours < 7 ? 0.9 : 0.1));
  const plan = (loads: Readonly<Record<string, HostLoad>>, asked: PlanJob): PlannedFleet =>
    planFleetDue({
      now,
      hosts: new Map(Object.entries(loads).map(([name, load]) => [name, { jobs: [asked], load }])),
    });
  const toldOf = ({ misfits }: PlannedFleet): readonly string[] =>
    misfits.map(({ owner, runsOn, reason }) => `${owner} on ${runsOn}, ${reason.code}: ${reason.text}`);

  it('is told of that host', () => {
    const quiet = host(() => 0.1);
    expect(toldOf(plan({ a: quiet, b: loaded }, job()))).toEqual([`b on b, ${text('cpu', '0.90', 0.75)}`]);
  });

  it('is told of a pool where each of its hosts is too busy at the last call', () => {
    const pooled = job({ pool: 'workers' });
    const full = host(() => 0.95);
    expect(toldOf(plan({ a: full, b: loaded }, pooled))).toEqual([
      `workers on b, ${text('cpu', '0.90', 0.75)}`,
    ]);
    const quietForAMoment = host((hours) => (hours === 6 ? 0.5 : 0.95));
    const found = plan({ a: quietForAMoment, b: loaded }, pooled);
    expect(found.slots.get('b')).toHaveLength(1);
    expect(toldOf(found)).toEqual([]);
  });
});
