import { describe, expect, it } from 'vitest';
import { planDue, planFleetDue } from './plan-due.ts';
import type { Plan, PlanJob, PlanRequest } from './planner.ts';
import type { HostLoad } from './slot-grid.ts';

const minute = 60_000;
const hour = 60 * minute;
const now = Date.UTC(2026, 10, 24, 12);
const level = new Float64Array(576).fill(0.05);
const calm: HostLoad = { startsAt: now, stepMs: 5 * minute, cpu: level, memory: level, isKnown: true };

const timeOf = (at: number): string => new Date(at).toISOString().slice(11, 16);

/** Each minute of two hours, a run of half a minute. */
const often = (more: Partial<PlanJob> = {}): readonly PlanJob[] =>
  Array.from({ length: 120 }, (_, index): PlanJob => {
    const dueAt = now + index * minute;
    return {
      ...{ schedule: 'often', durationMs: minute / 2, priority: 'medium', stores: ['local'] },
      occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt, deadline: dueAt + minute },
      resources: { cpu: 0.3, memory: 0.1 },
      supersededAt: dueAt + minute,
      ...more,
    };
  });

/** Half an hour, from one o'clock on. */
const big = (more: Partial<PlanJob> = {}): PlanJob => {
  const dueAt = now + hour;
  return {
    ...{ schedule: 'big', durationMs: hour / 2, priority: 'medium', stores: ['local'] },
    occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt + minute, deadline: dueAt + 2 * minute },
    resources: { cpu: 0.9, memory: 0.1 },
    ...more,
  };
};

const plan = (jobs: readonly PlanJob[], more: Partial<PlanRequest> = {}): Plan =>
  planDue({ now, jobs, load: calm, ...more });

const problems = ({ misfits }: Plan): readonly string[] =>
  misfits.map(({ job, start, reason }) => {
    const starts = start === undefined ? '' : ` at ${timeOf(start)}`;
    return `${job.schedule} ${timeOf(job.occurrence.dueAt)}${starts} ${reason.code}: ${reason.text}`;
  });

/** `which`: up to what is said of the host. */
const missed = (due: string, which: string, taken: string): string =>
  `often ${due} at ${due} no_room: ${which} will be missed, for there is no room before the next one is due: ${taken}`;

describe('what comes every minute, beside what leaves it no room', () => {
  it('is told as missed, once for all those in a row', () => {
    const found = plan([...often(), big()]);
    expect(problems(found)).toEqual([
      missed('13:00', 'it and the 29 behind it', 'cpu is taken by others for 30m'),
    ]);
    // The service tries each all the same.
    expect(found.slots).toHaveLength(121);
  });

  it('is told also where what is planned matters less', () => {
    expect(problems(plan([...often({ priority: 'critical' }), big({ priority: 'low' })]))).toEqual([
      missed('13:00', 'it and the 29 behind it', 'cpu is taken by others for 30m'),
    ]);
  });

  it('is no problem where it fits, however busy the host is, or waits for less than up to the next', () => {
    const busy = new Float64Array(576).fill(0.6);
    const load = { ...calm, cpu: busy };
    const half = big({ resources: { cpu: 0.3, memory: 0.1 } });
    expect(problems(plan([...often(), half], { load }))).toEqual([]);
    expect(problems(plan([...often(), big({ durationMs: minute / 2 })]))).toEqual([]);
    const alone = often({ resources: { cpu: 1, memory: 1 } });
    expect(problems(plan(alone))).toEqual([]);
  });

  it('is told of a host that was seen to be full for ten minutes as of one that is idle', () => {
    const full = new Float64Array(576).fill(1);
    const seen = { cpu: 10 / 1440, memory: 10 / 1440 };
    const found = plan([...often(), big()], { load: { ...calm, cpu: full, seen } });
    expect(problems(found)).toEqual(problems(plan([...often(), big()])));
  });

  it('is told by what is scarce: memory, or the stream of a store', () => {
    const memory = { cpu: 0.1, memory: 0.95 };
    const short = { durationMs: 3 * minute };
    expect(problems(plan([...often(), big({ resources: memory, ...short })]))).toEqual([
      missed('13:00', 'it and the 2 behind it', 'memory is taken by others for 3m'),
    ]);
    const limits = { stores: { local: { streams: 1 }, other: { streams: 1 } } };
    const light = { resources: { cpu: 0.1, memory: 0.1 }, durationMs: 2 * minute };
    expect(problems(plan([...often(), big(light)], { limits }))).toEqual([
      missed('13:00', 'it and the one behind it', 'the way to local is taken by others for 2m'),
    ]);
    expect(problems(plan([...often(), big({ ...light, stores: ['other'] })], { limits }))).toEqual([]);
  });

  it('is told by all that is scarce, one behind the other', () => {
    const running = [
      { until: now + 2 * minute, stores: [], resources: { cpu: 0.9, memory: 0.1 } },
      { until: now + 5 * minute, stores: [], resources: { cpu: 0.1, memory: 0.95 } },
    ];
    expect(problems(plan(often(), { running }))).toEqual([
      missed('12:00', 'it and the 4 behind it', 'cpu and memory are taken by others for 5m'),
    ]);
  });

  it('is told beside what runs, and of two together', () => {
    const running = [
      { until: now + 4 * minute, stores: [], resources: { cpu: 0.5, memory: 0.1 } },
      { until: now + 3 * minute, stores: [], resources: { cpu: 0.25, memory: 0.1 } },
    ];
    expect(problems(plan(often(), { running }))).toEqual([
      missed('12:00', 'it and the 2 behind it', 'cpu is taken by others for 3m'),
    ]);
  });

  it('is told as skipped where it is not made behind its deadline', () => {
    const skipped = often().map((each): PlanJob => {
      const { dueAt } = each.occurrence;
      return { ...each, isSkipped: true, occurrence: { ...each.occurrence, deadline: dueAt + minute / 4 } };
    });
    expect(problems(plan([...skipped, big({ durationMs: 1.5 * minute })]))).toEqual([
      'often 13:00 at 13:00 no_room: it and the one behind it will be skipped, for there is no room by its deadline: cpu is taken by others for 1m30s',
    ]);
  });

  it('finds no room between one that ends and one that begins then', () => {
    const running = [{ until: now + 5 * minute, stores: [], resources: { cpu: 0.9, memory: 0.1 } }];
    const dueAt = now + 5 * minute;
    const next = big({
      ...{ priority: 'high', durationMs: 2 * minute },
      occurrence: { dueAt, windowStart: dueAt, windowEnd: dueAt, deadline: dueAt },
    });
    expect(problems(plan([...often(), next], { running }))).toEqual([
      missed('12:00', 'it and the 6 behind it', 'cpu is taken by others for 7m'),
    ]);
  });

  it('is told each time anew', () => {
    const later = now + 1.5 * hour;
    const again = big({
      ...{ schedule: 'again', durationMs: 3 * minute },
      occurrence: { dueAt: later, windowStart: later, windowEnd: later, deadline: later },
    });
    expect(problems(plan([...often(), big({ durationMs: 3 * minute }), again]))).toEqual([
      missed('13:00', 'it and the 2 behind it', 'cpu is taken by others for 3m'),
      missed('13:30', 'it and the 2 behind it', 'cpu is taken by others for 3m'),
    ]);
  });
});

describe('what is planned, beside what comes every minute', () => {
  const window = { dueAt: now, windowStart: now, windowEnd: now + hour, deadline: now + hour };
  const jobs = [...often(), big({ occurrence: window })];
  const run = { until: now + 20_000, stores: ['local'], resources: { cpu: 0.3, memory: 0.1 } };
  const startBeside = (schedule: string): string => {
    const running = [{ ...run, schedule }];
    const slots = [
      planDue({ now, jobs, load: calm, running }).slots,
      planFleetDue({ now, hosts: new Map([['a', { jobs, load: calm, running }]]) }).slots.get('a') ?? [],
    ];
    return slots
      .flatMap((all) => all.filter((slot) => slot.schedule === 'big').map(({ start }) => timeOf(start)))
      .join(' ');
  };

  it('is put off by no run of that, but by others', () => {
    expect(startBeside('often')).toBe('12:00 12:00');
    expect(startBeside('other')).toBe('12:05 12:05');
  });
});
