import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expectInTurn,
  jobsOf,
  load,
  minuteMs,
  now,
  runOf,
  scheduleOf,
} from '../../../test/conformance/schedule-samples.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';
import { latestStart } from './due-job.ts';
import type { FleetHost } from './fleet.ts';
import { planDue, planFleetDue } from './plan-due.ts';
import type { PlannedSlot, RunningJob } from './planner.ts';
import { standing } from './standing.ts';

interface Subject {
  readonly config: object;
  readonly minutes: number;
  readonly cpu: number;
  /** So many minutes it runs on from now. */
  readonly runs: number | undefined;
  readonly pool: boolean;
  readonly priority: string;
  readonly on_deadline: string;
}

interface World {
  readonly subjects: readonly Subject[];
  readonly shift: number;
  readonly loads: readonly number[];
  readonly streams: number | undefined;
}

const minutes = fc.integer({ min: 1, max: 300 });
const recurrences = fc.oneof(
  fc.record({
    every: fc.constantFrom('1m', '5m', '7m', '13m', '20m', '1h', '90m', '6h'),
    max_delay: fc.constantFrom('1s', '3m', '10m', '45m', '6h', '30h'),
  }),
  fc.record({
    cron: fc.constantFrom('*/7 * * * *', '0,2,30 * * * *', '15 1,2,9 * * *', '0 */2 * * *'),
    max_delay: fc.constantFrom('1s', '10m', '2h'),
  }),
  fc.record({
    every: fc.constantFrom('1d', '8h'),
    window: fc.constantFrom('22:00-06:00', '00:00-00:00', '13:00-12:30'),
    max_delay: fc.constantFrom('1s', '1h', '20h'),
  }),
);
const subjects = fc.array(
  fc.record({
    config: recurrences,
    minutes,
    cpu: fc.constantFrom(0.02, 0.2, 0.55),
    runs: fc.option(minutes, { nil: undefined }),
    pool: fc.boolean(),
    priority: fc.constantFrom('critical', 'medium', 'low'),
    on_deadline: fc.constantFrom('run', 'skip'),
  }),
  { minLength: 1, maxLength: 4 },
);
const worlds: fc.Arbitrary<World> = fc.record({
  subjects,
  /** Not at the beginning of a slot, as in life. */
  shift: fc.integer({ min: 0, max: 11 * minuteMs }),
  loads: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }),
  streams: fc.constantFrom(undefined, 1, 2),
});

/** Of a pool, where two of three runs an hour do: it is rare that those thought up at random go wrong then. */
const someTakeAllTheTimeThereIs: readonly World[] = [
  [
    { config: { every: '6h', max_delay: '1s' }, minutes: 1 },
    { config: { every: '1d', window: '22:00-06:00', max_delay: '1s' }, minutes: 1 },
    { config: { every: '13m', max_delay: '45m' }, minutes: 10, pool: true },
  ],
  [
    { config: { every: '1d', window: '22:00-06:00', max_delay: '1s' }, minutes: 1 },
    { config: { cron: '0,2,30 * * * *', max_delay: '2h' }, minutes: 16, pool: true },
    { config: { every: '1d', window: '22:00-06:00', max_delay: '1s' }, minutes: 1, runs: 116 },
  ],
].map((host) => ({
  subjects: host.map((subject) => ({
    ...{ cpu: 0.02, runs: undefined, pool: false, priority: 'critical', on_deadline: 'run' },
    ...subject,
  })),
  ...{ shift: 0, loads: [0], streams: undefined },
}));

describe('the runs of all schedules', () => {
  it('are never planned over each other, begin as the scheduler would begin them, and none is dropped', () => {
    fc.assert(
      fc.property(worlds, ({ subjects: wishes, shift, loads, streams }) => {
        const at = now + shift;
        const schedules = wishes.map(({ config, priority, on_deadline }, index) =>
          scheduleOf(`s${index}`, { ...config, priority, on_deadline }),
        );
        const jobs = schedules.flatMap((schedule, index) =>
          jobsOf(schedule, { ...{ minutes: 1, ...wishes[index] }, hours: 16, at }),
        );
        const running = schedules.flatMap((schedule, index) => {
          const runs = wishes[index]?.runs;
          return runs === undefined ? [] : [runOf(schedule, at + runs * minuteMs)];
        });
        const plan = planDue({
          now: at,
          jobs,
          load: load((hour) => loads[Math.floor(hour) % loads.length] ?? 0),
          running,
          limits: { stores: { local: streams === undefined ? {} : { streams } } },
        });
        for (const schedule of schedules) {
          const own = plan.slots.filter((slot) => slot.schedule === schedule.id);
          const until = running.find((run) => run.schedule === schedule.id)?.until;
          expectInTurn(own, until);
          expectAsRun(schedule, own, at);
        }
        for (const job of jobs) {
          const isPlanned = plan.slots.some((slot) => slot.job === job);
          expect(isPlanned || plan.misfits.some((misfit) => misfit.job === job)).toBe(true);
        }
        for (const slot of plan.slots) expect(plan.explain(slot).text).not.toBe('');
      }),
      { numRuns: 100 },
    );
  });

  it('are never planned over each other on one of many hosts', () => {
    fc.assert(
      fc.property(fc.array(worlds, { minLength: 1, maxLength: 3 }), (told) => {
        const pools = told.flatMap(({ subjects: wishes }, host) =>
          wishes.flatMap(({ pool, config, ...wish }, index) =>
            pool
              ? [{ ...wish, schedule: scheduleOf(`p${host}-${index}`, { ...config, pool: 'workers' }) }]
              : [],
          ),
        );
        const hosts = told.map(({ subjects: wishes, loads }, host): [string, FleetHost] => {
          const own = wishes.flatMap(({ pool, config, ...wish }, index) =>
            pool ? [] : [{ ...wish, schedule: scheduleOf(`s${index}`, config) }],
          );
          const running = [...own, ...(host === 0 ? pools : [])].flatMap(({ schedule, runs }) =>
            runs === undefined ? [] : [runOf(schedule, now + runs * minuteMs)],
          );
          const jobs = [...own, ...pools].flatMap(({ schedule, ...wish }) =>
            jobsOf(schedule, { ...wish, hours: 10 }),
          );
          const forecast = load((hour) => loads[Math.floor(hour) % loads.length] ?? 0);
          return [`h${host}`, { jobs, running, load: forecast }];
        });
        const plan = planFleetDue({
          now,
          hosts: new Map(hosts),
          shared: { stores: { local: { streams: 3 } } },
        });
        for (const [name, runs] of plan.slots) {
          const running = hosts.find(([host]) => host === name)?.[1].running ?? [];
          for (const [schedule, own] of Map.groupBy(runs, (run) => `${run.owner} ${run.schedule}`)) {
            const isRunning = ({ schedule: id, pool }: RunningJob): boolean =>
              `${pool ?? name} ${id}` === schedule;
            expectInTurn(own, running.find(isRunning)?.until);
          }
        }
      }),
      { numRuns: 100, examples: [[[...someTakeAllTheTimeThereIs]]] },
    );
  });
});

/** Of what is due every minute, beside what is planned with choice. */
const crowds = fc.record({
  often: fc.array(
    fc.record({
      minutes: fc.constantFrom(0.5, 1, 1.5, 3),
      cpu: fc.constantFrom(0.02, 0.5, 1),
      priority: fc.constantFrom('high', 'medium'),
      on_deadline: fc.constantFrom('run', 'skip'),
    }),
    { minLength: 1, maxLength: 2 },
  ),
  others: fc.array(
    fc.record({
      every: fc.constantFrom('20m', '1h', '6h'),
      minutes: fc.constantFrom(0.5, 1, 5, 7, 58.5),
      cpu: fc.constantFrom(0.1, 0.5, 0.6),
      priority: fc.constantFrom('critical', 'medium', 'low'),
    }),
    { maxLength: 3 },
  ),
  running: fc.array(
    fc.record({ minutes: fc.integer({ min: -1, max: 90 }), cpu: fc.constantFrom(0, 0.5, 0.95) }),
    { maxLength: 2 },
  ),
  shift: fc.integer({ min: 0, max: 11 * minuteMs }),
  streams: fc.constantFrom(undefined, 1, 2),
});

describe('what comes every minute', () => {
  it('is told as missed where it has no room up to the next one beside what runs and is planned, and only there', () => {
    fc.assert(
      fc.property(crowds, ({ often, others, running: goesOn, shift, streams = Infinity }) => {
        const at = now + shift;
        const jobs = [
          ...often.map((wish) => ({ ...wish, every: '1m', max_delay: '1s' })),
          ...others.map((wish) => ({ ...wish, max_delay: '10m' })),
        ].flatMap(({ minutes: takes, cpu, ...config }, index) =>
          jobsOf(scheduleOf(`${config.every}-${index}`, config), { minutes: takes, cpu, hours: 8, at }),
        );
        const running = goesOn.map(({ minutes: left, cpu }): RunningJob => ({
          ...{ until: at + left * minuteMs, stores: ['local'], resources: { cpu, memory: 0.05 } },
        }));
        const limits = { stores: { local: streams === Infinity ? {} : { streams } } };
        const { slots, misfits } = planDue({ now: at, jobs, load: load(() => 0.2), running, limits });
        const isOften = ({ schedule }: { readonly schedule: string }): boolean => schedule.startsWith('1m');
        const beside = [
          ...running.map(({ resources, until }) => ({ start: at, end: until, resources })),
          ...slots
            .filter((slot) => !isOften(slot))
            .map(({ start, end, job }) => ({ start, end, resources: job.resources })),
        ];
        const hasRoom = ({ job }: PlannedSlot, moment: EpochMs): boolean => {
          const there = beside.filter(({ start, end }) => end > moment && start <= moment);
          const sum = (of: 'cpu' | 'memory'): number =>
            there.reduce((all, { resources }) => all + resources[of], job.resources[of]);
          const isAlone = there.length === 0;
          return isAlone || (there.length < streams && sum('cpu') <= 1.000001 && sum('memory') <= 1.000001);
        };
        const isMissed = (run: PlannedSlot): boolean => {
          const { supersededAt = Infinity, isSkipped, occurrence } = run.job;
          const last = Math.min(supersededAt - 1, isSkipped ? occurrence.deadline : Infinity);
          const moments = [run.start, ...beside.map(({ end }) => end)];
          return !moments.some((moment) => moment >= run.start && moment <= last && hasRoom(run, moment));
        };
        const missed = Map.groupBy(slots.filter(isOften).filter(isMissed), ({ schedule }) => schedule);
        const told = misfits.filter(({ job, reason }) => isOften(job) && reason.code === 'no_room');
        for (const { job, reason } of told) {
          const own = missed.get(job.schedule) ?? [];
          expect(own[0]?.job).toBe(job);
          const [, count] = /^it(?: and the (\w+) behind it)? will be/.exec(reason.text) ?? [];
          const others = count === undefined ? 0 : count === 'one' ? 1 : Number(count);
          missed.set(job.schedule, own.slice(1 + others));
        }
        expect([...missed.values()].flat()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

/** At each start the schedule stands so that this occurrence is the one to run. */
function expectAsRun(schedule: ScheduleConfig, slots: readonly PlannedSlot[], at: EpochMs): void {
  let settled = at;
  for (const { start, dueAt, job } of slots) {
    const { occurrence, supersededAt = Infinity, isSkipped } = job;
    expect(start).toBeLessThan(supersededAt);
    if (isSkipped) expect(start).toBeLessThanOrEqual(occurrence.deadline);
    // What waits for room alone begins behind its deadline as well.
    const last = Math.max(occurrence.windowStart, latestStart({ schedule, occurrence }) - 1);
    const { next } = standing(schedule, settled, Math.min(start, last));
    expect(next?.dueAt).toBe(dueAt);
    settled = dueAt;
  }
}
