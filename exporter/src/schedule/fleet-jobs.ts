import type { FleetHost } from './fleet.ts';
import type { PlanJob } from './planner.ts';

export interface FleetJob {
  readonly job: PlanJob;
  /** The host, or the pool, whose schedule it is. */
  readonly owner: string;
  /** Where it may run, by number. */
  readonly hosts: readonly number[];
}

/** The jobs of all: those of hosts one by one, and each job of a pool once, however many hosts tell of it. */
export function jobsOf(instances: readonly string[], hosts: readonly FleetHost[]): readonly FleetJob[] {
  const jobs: FleetJob[] = [];
  const pooled = new Map<string, { told: PlanJob[]; hosts: number[] }>();
  for (const [index, { jobs: own }] of hosts.entries()) {
    const owner = instances[index] ?? '';
    const here = [index];
    for (const job of own) {
      if (job.pool === undefined) {
        jobs.push({ job, owner, hosts: here });
        continue;
      }
      const key = `${job.occurrence.dueAt} ${job.schedule} ${job.pool}`;
      const known = pooled.get(key);
      if (known === undefined) pooled.set(key, { told: [job], hosts: [index] });
      else if (known.hosts.at(-1) !== index) {
        known.told.push(job);
        known.hosts.push(index);
      }
    }
  }
  for (const { told, hosts: where } of pooled.values()) {
    const job = asAllTell(told);
    jobs.push({ job, owner: job.pool ?? '', hosts: where });
  }
  return jobs;
}

/** Each host has learned for itself what it takes: whichever is chosen, it takes no more than this. */
function asAllTell(told: readonly PlanJob[]): PlanJob {
  const [first, ...others] = told;
  if (first === undefined) throw new RangeError('nobody tells of it');
  return others.reduce((most, job) => {
    const bytesPerSecond = Math.max(most.bytesPerSecond ?? 0, job.bytesPerSecond ?? 0);
    return {
      ...most,
      durationMs: Math.max(most.durationMs, job.durationMs),
      resources: {
        cpu: Math.max(most.resources.cpu, job.resources.cpu),
        memory: Math.max(most.resources.memory, job.resources.memory),
      },
      ...(bytesPerSecond > 0 && { bytesPerSecond }),
    };
  }, first);
}
