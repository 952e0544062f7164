import type { EpochMs } from '../units/instant.ts';
import { heldUp } from './explain-misfit.ts';
import type { FleetHost, FleetMisfit, FleetRun } from './fleet.ts';
import { jobsOf } from './fleet-jobs.ts';
import { slotOf } from './outcome.ts';
import type { PlanJob } from './planner.ts';
import { outlookOf } from './planning.ts';
import { loadAt, weighed } from './slot-grid.ts';
import { isInItsOwnWay, turnsOf } from './turns.ts';

export interface Come {
  readonly runs: readonly FleetRun[];
  readonly misfits: readonly FleetMisfit[];
}

/**
 * Whether a job is one that starts as it is due: it may start at no other time, and in a grid of such steps the next one of its
 * schedule would be in its way.
 */
export function comesAsDue(job: PlanJob, stepMs: number): boolean {
  const { deadline, windowStart } = job.occurrence;
  return deadline - windowStart < stepMs && isInItsOwnWay(job, stepMs);
}

/** Starts each job as it is due, or as the run before of its schedule is over; of a pool, on the host that is quietest then. */
export function asTheyCome(now: EpochMs, hosts: ReadonlyMap<string, FleetHost>): Come {
  const instances = [...hosts.keys()].sort();
  const told = instances.flatMap((instance) => hosts.get(instance) ?? []);
  const jobs = jobsOf(instances, told);
  const running = told.map((host) => host.running ?? []);
  // These lie in no slots: runs meet where their times do.
  const turns = turnsOf(jobs, { now, slotMs: 1, running, instances });
  const hostsOf = told.map((host) => new Busy(host));
  const runs: FleetRun[] = [];
  const misfits: FleetMisfit[] = [];
  for (const [index, { job, owner, hosts: all }] of jobs.entries()) {
    const turn = turns.get(index);
    const start = turn?.from ?? Math.max(now, job.occurrence.windowStart);
    if (turn?.isMissed) {
      misfits.push({ job, owner, start: undefined, lateMs: undefined, reason: heldUp(job, start) });
      continue;
    }
    const host = quietest(turn?.hosts ?? all, (each) => hostsOf[each]?.at(start, job) ?? Infinity);
    hostsOf[host]?.give(start, job);
    runs.push({ ...slotOf(job, start), owner, runsOn: instances[host] ?? '' });
  }
  return { runs, misfits };
}

/** How busy a host is expected to be, with what it has been given. */
class Busy {
  readonly #host: FleetHost;
  /** By step of the forecast. */
  readonly #given = new Map<number, number>();

  constructor(host: FleetHost) {
    this.#host = host;
  }

  at(start: EpochMs, job: PlanJob): number {
    return weighed(loadAt(outlookOf(this.#host, job), start)) + (this.#given.get(this.#stepOf(start)) ?? 0);
  }

  give(start: EpochMs, { durationMs, resources }: PlanJob): void {
    const step = this.#stepOf(start);
    const share = Math.min(1, durationMs / this.#host.load.stepMs) * weighed(resources);
    this.#given.set(step, (this.#given.get(step) ?? 0) + share);
  }

  #stepOf(at: EpochMs): number {
    return Math.floor(at / this.#host.load.stepMs);
  }
}

/** Of equal ones the first. */
function quietest([first = 0, ...others]: readonly number[], busyOf: (host: number) => number): number {
  return others.reduce((best, host) => (busyOf(host) < busyOf(best) ? host : best), first);
}
