import type { EpochMs } from '../units/instant.ts';
import type { FleetJob } from './fleet-jobs.ts';
import type { PlanJob, RunningJob } from './planner.ts';

/*
 * The occurrences of one schedule, as they come: a host holds one while the run before goes on, and one that is held until its
 * deadline is over, or the next has taken its place, is missed.
 *
 * Most runs are over long before the next one may begin, and need no turn. Others may meet: they are placed one behind the other.
 * And some take about all the time that there is from one to the next: each of them begins as soon as it may, for whatever it
 * waited would be missing behind it.
 */

/** When a job may run beside the other runs of its schedule. */
export interface Turn {
  /** Its window has opened, and the run before is over, or will be. */
  readonly from: EpochMs;
  /** That is too late: it will not be run. */
  readonly isMissed: boolean;
  /** It is to begin as soon as it may. */
  readonly isPrompt: boolean;
  /** The hosts that may run it by then. */
  readonly hosts: readonly number[];
  /** The job that is over before it begins, wherever either runs. */
  readonly follows: number | undefined;
  /** When the next one may begin, of one that is prompt. */
  readonly until: EpochMs | undefined;
}

interface Known {
  readonly now: EpochMs;
  readonly slotMs: number;
  /** What runs, by host. */
  readonly running: readonly (readonly RunningJob[])[];
  readonly instances: readonly string[];
}

/** By job, of those that may meet another run of their schedule. */
export function turnsOf(jobs: readonly FleetJob[], known: Known): ReadonlyMap<number, Turn> {
  const busy = busyUntil(known);
  const running = new Set(known.running.flatMap((runs) => runs.flatMap(({ schedule }) => schedule ?? [])));
  const meeting = new Set<string>();
  const schedules = new Set<string>();
  for (const { job, owner } of jobs) {
    const isMeeting =
      mayMeetNext(job, known) ||
      (running.has(job.schedule) &&
        isHeld(job, busy.get(scheduleKey(owner, job)) ?? new Map<number, EpochMs>()));
    if (!isMeeting) continue;
    meeting.add(scheduleKey(owner, job));
    schedules.add(job.schedule);
  }
  const turns = new Map<number, Turn>();
  if (meeting.size === 0) return turns;
  for (const [key, group] of schedulesOf(jobs, schedules)) {
    if (meeting.has(key))
      giveTurns(turns, group, { jobs, known, busy: busy.get(key) ?? new Map<number, EpochMs>() });
  }
  return turns;
}

/** By job, the one before it of the same schedule. */
export function successionOf(jobs: readonly FleetJob[]): readonly (number | undefined)[] {
  const follows: (number | undefined)[] = jobs.map(() => undefined);
  const all = new Set(jobs.map(({ job }) => job.schedule));
  for (const group of schedulesOf(jobs, all).values()) {
    for (const [place, index] of group.entries()) follows[index] = group[place - 1];
  }
  return follows;
}

/** The next one begins before this one is over, in the slots that it touches. */
export function isInItsOwnWay(
  { occurrence, durationMs, supersededAt = Infinity }: PlanJob,
  slotMs: number,
): boolean {
  const touched = (Math.ceil(durationMs / slotMs) + 1) * slotMs;
  return supersededAt - occurrence.windowStart < touched;
}

/** As far as its slots may take it. */
function mayMeetNext({ occurrence, durationMs, supersededAt = Infinity }: PlanJob, known: Known): boolean {
  const latest = Math.max(occurrence.deadline, known.now);
  return latest + durationMs + 2 * known.slotMs > supersededAt;
}

/** By a run that goes on now. */
function isHeld({ occurrence }: PlanJob, busy: ReadonlyMap<number, EpochMs>): boolean {
  return busy.values().some((until) => until > occurrence.windowStart);
}

/** Tells a schedule of a pool or of a host, its owner, from all others. */
export function scheduleKey(owner: string, { schedule, pool }: { schedule?: string; pool?: string }): string {
  return `${pool === undefined ? 'host' : 'pool'} ${owner} ${schedule ?? ''}`;
}

/** The jobs of each of these schedules, in their order. */
function schedulesOf(
  jobs: readonly FleetJob[],
  schedules: ReadonlySet<string>,
): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, { job, owner }] of jobs.entries()) {
    if (!schedules.has(job.schedule)) continue;
    const key = scheduleKey(owner, job);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  }
  const dueAt = (index: number): EpochMs => jobs[index]?.job.occurrence.dueAt ?? 0;
  for (const group of groups.values()) group.sort((a, b) => dueAt(a) - dueAt(b));
  return groups;
}

/** Until when each schedule runs, by host. */
function busyUntil({ running, instances }: Known): ReadonlyMap<string, Map<number, EpochMs>> {
  const busy = new Map<string, Map<number, EpochMs>>();
  for (const [host, runs] of running.entries()) {
    for (const run of runs) {
      if (run.schedule === undefined) continue;
      const key = scheduleKey(run.pool ?? instances[host] ?? '', run);
      const hosts = busy.get(key) ?? new Map<number, EpochMs>();
      busy.set(key, hosts.set(host, Math.max(hosts.get(host) ?? 0, run.until)));
    }
  }
  return busy;
}

interface Schedule {
  readonly jobs: readonly FleetJob[];
  readonly known: Known;
  /** Until when it runs on each host, with all that was given a turn so far. */
  readonly busy: Map<number, EpochMs>;
}

function giveTurns(
  turns: Map<number, Turn>,
  group: readonly number[],
  { jobs, known, busy }: Schedule,
): void {
  const { now, slotMs } = known;
  /** By host, of those that go on beside each other. */
  const last = new Map<number, number>();
  const isCrowded = group.some((index) => {
    const fleetJob = jobs[index];
    return fleetJob !== undefined && isInItsOwnWay(fleetJob.job, slotMs);
  });
  for (const index of group) {
    const fleetJob = jobs[index];
    if (fleetJob === undefined) continue;
    const { job, hosts } = fleetJob;
    const { occurrence, durationMs, supersededAt = Infinity } = job;
    const freeAt = (host: number): EpochMs => busy.get(host) ?? -Infinity;
    const opens = Math.max(occurrence.windowStart, now);
    const from = hosts.reduce((first, host) => Math.min(first, Math.max(opens, freeAt(host))), Infinity);
    const isHeldUp = from > opens;
    const isMissed = isHeldUp && (from > occurrence.deadline || from >= supersededAt);
    const isTight = isInItsOwnWay(job, slotMs);
    const free = hosts.filter((host) => freeAt(host) <= from);
    // Where some of a pool's runs take all the time there is, they go on beside each other, each on a host of its own.
    const isApart = isCrowded && hosts.length > 1;
    const own = isApart ? leastBusy(free, freeAt, group[0]) : undefined;
    const before = last.get(own ?? anyHost);
    turns.set(index, {
      from,
      isMissed,
      isPrompt: isTight || isApart || (isHeldUp && occurrence.deadline - from < slotMs),
      hosts: own === undefined ? free : [own],
      follows: before,
      until: undefined,
    });
    if (isMissed) continue;
    const earlier = before === undefined ? undefined : turns.get(before);
    if (before !== undefined && earlier?.isPrompt) turns.set(before, { ...earlier, until: from });
    for (const host of own === undefined ? hosts : [own]) {
      busy.set(host, Math.max(freeAt(host), from + durationMs));
    }
    last.set(own ?? anyHost, index);
  }
}

const anyHost = -1;

/** Of equal ones another for each schedule: `first` is its first job. */
function leastBusy(hosts: readonly number[], freeAt: (host: number) => EpochMs, first = 0): number {
  const shift = first % hosts.length;
  const [one = 0, ...others] = [...hosts.slice(shift), ...hosts.slice(0, shift)];
  return others.reduce((least, host) => (freeAt(host) < freeAt(least) ? host : least), one);
}
