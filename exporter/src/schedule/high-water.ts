import type { EpochMs } from '../units/instant.ts';
import type { PlannedSlot, PlanRequest } from './planner.ts';
import { loadAt, type HostLoad } from './slot-grid.ts';

/** What waiting has to promise, as a share of the resource: less is not worth being later for. */
export const worthWaiting = 0.05;

export interface GateTimes {
  readonly now: EpochMs;
  /** When the run was meant to start. */
  readonly slot: EpochMs;
  /** From then on it starts whatever the load. */
  readonly deadline: EpochMs;
}

/** A high-water mark for what starts at its deadline in any case: it rises as the time goes, and at the deadline there is none. */
export function risenMark(mark: number, { now, slot, deadline }: GateTimes): number {
  const gone = Math.min(1, Math.max(0, (now - slot) / Math.max(1, deadline - slot)));
  return mark + (1 - mark) * gone;
}

/** A forecast load above its mark. */
export interface Busy {
  readonly resource: 'cpu' | 'memory';
  readonly load: number;
  readonly mark: number;
  /** Not of this host, but of the one that the job names. */
  readonly isThere: boolean;
}

/** The hosts whose load a slot is held up by. */
export interface Met {
  readonly here: HostLoad;
  readonly there: HostLoad | undefined;
}

export function metBy({ job }: PlannedSlot, { load, hosts = {} }: Pick<PlanRequest, 'hosts' | 'load'>): Met {
  return { here: load, there: hosts[job.host ?? ''] };
}

/** `isHeld`: whether so much of a resource holds up a start, by its mark. */
export function busyAt(
  { here, there }: Met,
  at: EpochMs,
  isHeld: (busy: Busy) => boolean = ({ load, mark }) => load > mark,
): Busy | undefined {
  return busyOn(here, at, false, isHeld) ?? (there && busyOn(there, at, true, isHeld));
}

function busyOn(
  host: HostLoad,
  at: EpochMs,
  isThere: boolean,
  isHeld: (busy: Busy) => boolean,
): Busy | undefined {
  const { highWater, isKnown } = host;
  if (highWater === undefined || !isKnown) return undefined;
  const load = loadAt(host, at);
  const cpu: Busy = { resource: 'cpu', load: load.cpu, mark: highWater.cpu, isThere };
  if (isHeld(cpu)) return cpu;
  const memory: Busy = { resource: 'memory', load: load.memory, mark: highWater.memory, isThere };
  return isHeld(memory) ? memory : undefined;
}

/** Up to then it may start; the next one takes its place. */
export function lastStart({ occurrence, supersededAt = Infinity }: PlannedSlot['job']): EpochMs {
  return Math.min(occurrence.deadline, supersededAt - 1);
}

/** `cpu`, or `cpu of db1`. */
export function nameOf({ resource, isThere }: Busy, { job }: PlannedSlot): string {
  return isThere && job.host !== undefined ? `${resource} of ${job.host}` : resource;
}
