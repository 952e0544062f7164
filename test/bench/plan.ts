import type { ScheduleConfig } from '../../exporter/src/config/schema.ts';
import { planFleet, type FleetHost, type FleetRequest } from '../../exporter/src/schedule/fleet.ts';
import { planSlots, type PlanJob, type PlanRequest } from '../../exporter/src/schedule/planner.ts';
import { nextOccurrences } from '../../exporter/src/schedule/recurrence.ts';
import type { HostLoad } from '../../exporter/src/schedule/slot-grid.ts';

/**
 * Planning 48 hours, from occurrences to slots, on one core: 10,000 schedules from scratch, again after one of them
 * changed, and 500 schedules; then 20,000 schedules on 1,000 hosts that share a store, from scratch and again after one host
 * changed. The peer is what any planner must do at the least: list the occurrences and sort them.
 * `node test/bench/plan.ts [ROUNDS]`.
 */
const rounds = Number(process.argv[2] ?? 5);
const hourMs = 3_600_000;
const horizonMs = 48 * hourMs;
const now = Date.UTC(2026, 10, 24, 12);

type BenchSchedule = Pick<
  ScheduleConfig,
  | 'id'
  | 'every'
  | 'cron'
  | 'window'
  | 'timezone'
  | 'max_delay'
  | 'priority'
  | 'resources'
  | 'estimated_duration'
>;

/** Nightly windows of one to eight hours in four zones; together they take some two thirds of what the host has free. */
function schedules(count: number): BenchSchedule[] {
  const timezones = ['UTC', 'Europe/Madrid', 'America/New_York', 'Asia/Tokyo'];
  const priorities = ['critical', 'high', 'medium', 'medium', 'low'] as const;
  return Array.from({ length: count }, (_, index) => {
    const startMinute = (18 * 60 + ((index * 37) % 720)) % 1440;
    return {
      id: `schedule-${index}`,
      every: 24 * hourMs,
      cron: undefined,
      window: { startMinute, endMinute: (startMinute + 60 + ((index * 53) % 420)) % 1440 },
      timezone: timezones[index % timezones.length] ?? 'UTC',
      max_delay: (1 + (index % 6)) * hourMs,
      priority: priorities[index % priorities.length] ?? 'medium',
      resources: { cpu: (2 + (index % 7)) / count, memory: (1 + (index % 5)) / count },
      estimated_duration: (10 + ((index * 29) % 90)) * 60_000,
    };
  });
}

function jobsOf(subjects: readonly BenchSchedule[]): PlanJob[] {
  return subjects.flatMap((schedule) =>
    nextOccurrences(schedule, now, now + horizonMs).map((occurrence) => ({
      schedule: schedule.id,
      occurrence,
      durationMs: schedule.estimated_duration,
      resources: schedule.resources,
      stores: ['local'],
      priority: schedule.priority,
    })),
  );
}

function request(jobs: readonly PlanJob[]): PlanRequest {
  return { now, jobs, load: loadOf(14), limits: { stores: { local: { streams: 100_000 } } } };
}

function loadOf(peak: number): HostLoad {
  const steps = Array.from({ length: horizonMs / 300_000 }, (_, step) => (12 + step / 12) % 24);
  const cpu = Float64Array.from(steps, (hour) => 0.15 + 0.4 * Math.exp(-((hour - peak) ** 2) / 18));
  return { startsAt: now, stepMs: 300_000, cpu, memory: cpu.map((load) => 0.3 + load / 3), isKnown: true };
}

function time<T>(name: string, limitMs: number, peerMs: number, work: () => T): T {
  let result = work();
  const times = Array.from({ length: rounds }, () => {
    const began = process.cpuUsage();
    result = work();
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000;
  }).sort((a, b) => a - b);
  const [best = NaN] = times;
  const median = times[times.length >> 1] ?? NaN;
  const figures = [best, median].map((ms) => `${ms.toFixed(1)} ms`.padStart(11)).join('');
  console.log(
    `${name.padEnd(44)}${figures}   limit ${limitMs} ms   ${(best / peerMs).toFixed(1)}x of listing and sorting`,
  );
  return result;
}

function listAndSort(subjects: readonly BenchSchedule[]): number {
  const began = process.cpuUsage();
  jobsOf(subjects).sort((a, b) => a.occurrence.dueAt - b.occurrence.dueAt);
  return (process.cpuUsage(began).user + process.cpuUsage(began).system) / 1000;
}

console.log(`${''.padEnd(44)}${'best'.padStart(11)}${'median'.padStart(11)}   (CPU, ${rounds} rounds)`);
const many = schedules(10_000);
const few = schedules(500);
listAndSort(many);
const peer = listAndSort(many);
const whole = time('10,000 schedules from scratch', 1000, peer, () => planSlots(request(jobsOf(many))));
console.log(`  ${whole.slots.length} slots, ${whole.misfits.length} misfits`);

const jobs = jobsOf(many);
const first = planSlots(request(jobs));
const changed = jobs.map((job) =>
  job.schedule === 'schedule-4711' ? { ...job, durationMs: 2 * job.durationMs, occurrence: later(job) } : job,
);
function later({ occurrence }: PlanJob): PlanJob['occurrence'] {
  const shift = 2 * hourMs;
  return {
    ...occurrence,
    windowStart: occurrence.windowStart + shift,
    windowEnd: occurrence.windowEnd + shift,
    deadline: occurrence.deadline + shift,
  };
}
const again = time('10,000 schedules, one changed', 50, peer, () =>
  planSlots({ ...request(changed), previous: first.slots, effort: { thoroughness: 'new' } }),
);
const moved = again.slots.filter((slot, index) => slot.start !== first.slots[index]?.start).length;
console.log(`  ${again.slots.length} slots, ${moved} positions differ`);
time('10,000 schedules, new forecast (settled)', 1000, peer, () =>
  planSlots({ ...request(jobs), previous: first.slots }),
);
listAndSort(few);
const small = time('500 schedules from scratch', 20, listAndSort(few), () => planSlots(request(jobsOf(few))));
console.log(`  ${small.slots.length} slots, ${small.misfits.length} misfits`);
const began = process.cpuUsage();
for (const slot of small.slots) small.explain(slot);
console.log(
  `reasons of all slots of 500 schedules: ${(process.cpuUsage(began).user / 1000).toFixed(1)} ms CPU`,
);

const hosts = 1000;
const perHost = 20;
/** Each host has its own schedules, and its peak at another hour; a tenth of the schedules are a pool's of 20 hosts. */
const fleet = new Map<string, FleetHost>();
const ofHosts = schedules(hosts * perHost);
for (let host = 0; host < hosts; host += 1) {
  const own = ofHosts.slice(host * perHost, (host + 1) * perHost).map((schedule) => ({
    ...schedule,
    resources: { cpu: schedule.resources.cpu * hosts, memory: schedule.resources.memory * hosts },
  }));
  fleet.set(`host-${host}`, { jobs: jobsOf(own), load: loadOf(8 + (host % 14)) });
}
const alone = [...fleet.values()];
for (const [index, host] of alone.entries()) {
  const neighbours = alone.slice(index - (index % 20), index - (index % 20) + 20);
  const pool = `pool-${Math.floor(index / 20)}`;
  const isPooled = ({ schedule }: PlanJob): boolean => Number(schedule.split('-')[1]) % 10 === 0;
  const pooled = neighbours.flatMap(({ jobs }) => jobs.filter(isPooled).map((job) => ({ ...job, pool })));
  fleet.set(`host-${index}`, { ...host, jobs: [...host.jobs.filter((job) => !isPooled(job)), ...pooled] });
}
const ofFleet: FleetRequest = { now, hosts: fleet, shared: { stores: { local: { streams: 6000 } } } };
listAndSort(ofHosts);
const fleetPeer = listAndSort(ofHosts);
const planned = time('20,000 schedules on 1,000 hosts', 10_000, fleetPeer, () => planFleet(ofFleet));
const runs = [...planned.slots.values()].flat();
console.log(`  ${runs.length} slots, ${planned.misfits.length} misfits`);
const one = fleet.get('host-471');
if (one === undefined) throw new Error('no such host');
const changedFleet = new Map([...fleet, ['host-471', { ...one, jobs: one.jobs.slice(1), load: loadOf(3) }]]);
const next = time('20,000 schedules, one host changed', 1000, fleetPeer, () =>
  planFleet({ ...ofFleet, hosts: changedFleet, previous: planned.slots, changed: new Set(['host-471']) }),
);
const keys = new Set(
  runs.map(({ owner, dueAt, schedule, start }) => `${owner} ${schedule} ${dueAt} ${start}`),
);
const movedRuns = [...next.slots.values()]
  .flat()
  .filter(({ owner, dueAt, schedule, start }) => !keys.has(`${owner} ${schedule} ${dueAt} ${start}`));
console.log(`  ${next.misfits.length} misfits, ${movedRuns.length} starts differ`);
