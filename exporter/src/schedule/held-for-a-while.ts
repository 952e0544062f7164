import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import {
  busyAt,
  lastStart,
  metBy,
  nameOf,
  risenMark,
  worthWaiting,
  type Busy,
  type Met,
} from './high-water.ts';
import type { PlannedSlot, PlanRequest } from './planner.ts';
import { loadAt } from './slot-grid.ts';

/**
 * What is to be said of a slot in which the host is expected to be above a mark, of a job that runs at its deadline in any case: it waits
 * until the host is quieter, or the mark has risen to its load. Undefined: it is expected to start in its slot.
 */
export function heldForAWhile(
  slot: PlannedSlot,
  request: Pick<PlanRequest, 'hosts' | 'load'>,
): string | undefined {
  const { job, start } = slot;
  const deadline = lastStart(job);
  const met = metBy(slot, request);
  // Most are not: a plan of thousands is told with all of its reasons.
  if (job.isSkipped || start >= deadline || busyAt(met, start) === undefined) return undefined;
  const { stepMs } = request.load;
  // What is planned behind its window has used up some of its time.
  const since = Math.min(start, job.occurrence.windowEnd);
  const lowest = new Lowest(met);
  let begins = deadline;
  let busy: Busy | undefined;
  const steps = Math.ceil((deadline - start) / stepMs);
  for (let at = start + (steps - 1) * stepMs; at >= start; at -= stepMs) {
    lowest.note(at);
    busy = busyAt(met, at, (each) => {
      const mark = risenMark(each.mark, { now: at, slot: since, deadline });
      return each.load > mark && lowest.of(each) <= each.load - worthWaiting;
    });
    if (busy === undefined) begins = at;
  }
  if (busy === undefined) return undefined;
  return `${nameOf(busy, slot)} is above its high_water of ${busy.mark} then, so it will probably wait for ${formatDuration(begins - start)}`;
}

/** The lowest load that is to come, looked at from its end on. */
class Lowest {
  readonly #met: Met;
  readonly #here = { cpu: Infinity, memory: Infinity };
  readonly #there = { cpu: Infinity, memory: Infinity };

  constructor(met: Met) {
    this.#met = met;
  }

  note(at: EpochMs): void {
    const { here, there } = this.#met;
    for (const [host, low] of [[here, this.#here] as const, [there, this.#there] as const]) {
      if (host === undefined) continue;
      const load = loadAt(host, at);
      low.cpu = Math.min(low.cpu, load.cpu);
      low.memory = Math.min(low.memory, load.memory);
    }
  }

  of({ resource, isThere }: Busy): number {
    return (isThere ? this.#there : this.#here)[resource];
  }
}
