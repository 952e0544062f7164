import type { EpochMs } from '../units/instant.ts';
import type { Misfit, PlannedSlot, PlanRequest } from './planner.ts';
import { loadAt, type HostLoad } from './slot-grid.ts';

/**
 * Of what is skipped at its deadline (`on_deadline: skip`), that for which the host is expected to be too busy from its slot to its
 * latest start: there it waits all the time, and then it is skipped. What runs at its deadline in any case is not told.
 */
export function heldToTheEnd(
  slots: readonly PlannedSlot[],
  { load, hosts = {} }: Pick<PlanRequest, 'hosts' | 'load'>,
): readonly Misfit[] {
  return slots.flatMap((slot): readonly Misfit[] => {
    if (slot.job.isSkipped === undefined) return [];
    const least = leastBusy(slot, load, hosts[slot.job.host ?? '']);
    if (least === undefined) return [];
    return [
      {
        ...{ job: slot.job, start: slot.start, lateMs: undefined },
        reason: { code: 'busy', text: explained(least, slot.job.host) },
      },
    ];
  });
}

/** A load above its mark. */
interface Busy {
  readonly resource: 'cpu' | 'memory';
  readonly load: number;
  readonly mark: number;
  /** Not of this host, but of the one that the job names. */
  readonly isThere: boolean;
}

/** Of the steps in which it may start; undefined where it may in one of them. */
function leastBusy(
  { job, start }: PlannedSlot,
  here: HostLoad,
  there: HostLoad | undefined,
): Busy | undefined {
  const { occurrence, supersededAt = Infinity } = job;
  const latest = Math.min(occurrence.deadline, supersededAt - 1);
  let least: Busy | undefined;
  for (let at = start; at <= latest; at += here.stepMs) {
    const busy = busyAt(here, at, false) ?? (there && busyAt(there, at, true));
    if (busy === undefined) return undefined;
    if (least === undefined || busy.load - busy.mark < least.load - least.mark) least = busy;
  }
  return least;
}

function busyAt(host: HostLoad, at: EpochMs, isThere: boolean): Busy | undefined {
  const { highWater, isKnown } = host;
  if (highWater === undefined || !isKnown) return undefined;
  const load = loadAt(host, at);
  if (load.cpu > highWater.cpu) return { resource: 'cpu', load: load.cpu, mark: highWater.cpu, isThere };
  return load.memory > highWater.memory
    ? { resource: 'memory', load: load.memory, mark: highWater.memory, isThere }
    : undefined;
}

function explained({ resource, load, mark, isThere }: Busy, host: string | undefined): string {
  const name = isThere && host !== undefined ? `${resource} of ${host}` : resource;
  return `it will be skipped, for the host is forecast to be busy up to its latest start: ${name} at ${load.toFixed(2)} or more, and above its high_water of ${mark} it does not start`;
}
