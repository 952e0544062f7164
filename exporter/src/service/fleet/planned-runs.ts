import type { FleetSlot } from '../../fleet/fleet.ts';
import type { Offer } from '../../queue/queue.ts';
import type { FleetRun } from '../../schedule/fleet.ts';
import { attempts, lateMs, urgencies } from './claims.ts';

/** As the queue is told of a run that is planned. */
export function offerOf({ job, schedule, dueAt, start, runsOn }: FleetRun): Offer {
  return {
    owner: job.pool === undefined ? { host: runsOn } : { pool: job.pool },
    schedule,
    dueAt,
    slot: start,
    deadline: Math.max(job.occurrence.deadline + lateMs, job.supersededAt ?? 0),
    priority: urgencies[job.priority],
    attempts,
  };
}

/** What each host is to run. */
export function slotsOf(runs: readonly FleetRun[]): ReadonlyMap<string, readonly FleetSlot[]> {
  const slots = runs.map(({ runsOn, owner, schedule, dueAt, start, end }) => ({
    runsOn,
    slot: { owner, schedule, dueAt, start, end },
  }));
  const byHost = Map.groupBy(slots, ({ runsOn }) => runsOn);
  return new Map([...byHost].map(([host, own]) => [host, own.map(({ slot }) => slot)]));
}
