import { busyAt, lastStart, metBy, nameOf, type Busy } from './high-water.ts';
import type { Misfit, PlannedSlot, PlanRequest } from './planner.ts';

/**
 * Of what is skipped at its deadline (`on_deadline: skip`), that for which the host is expected to be too busy from its slot to its
 * latest start: there it waits all the time, and then it is skipped. What runs at its deadline in any case is not told.
 */
export function heldToTheEnd(
  slots: readonly PlannedSlot[],
  request: Pick<PlanRequest, 'hosts' | 'load'>,
): readonly Misfit[] {
  return slots.flatMap((slot): readonly Misfit[] => {
    if (slot.job.isSkipped === undefined) return [];
    const least = leastBusy(slot, request);
    if (least === undefined) return [];
    return [
      {
        job: slot.job,
        start: slot.start,
        lateMs: undefined,
        reason: { code: 'busy', text: explained(least, slot) },
      },
    ];
  });
}

/** Of the steps in which it may start; undefined where it may in one of them. */
function leastBusy(slot: PlannedSlot, request: Pick<PlanRequest, 'hosts' | 'load'>): Busy | undefined {
  const met = metBy(slot, request);
  const latest = lastStart(slot.job);
  let least: Busy | undefined;
  for (let at = slot.start; at <= latest; at += request.load.stepMs) {
    const busy = busyAt(met, at);
    if (busy === undefined) return undefined;
    if (least === undefined || busy.load - busy.mark < least.load - least.mark) least = busy;
  }
  return least;
}

function explained(busy: Busy, slot: PlannedSlot): string {
  return `it will be skipped, for the host is forecast to be busy up to its latest start: ${nameOf(busy, slot)} at ${busy.load.toFixed(2)} or more, and above its high_water of ${busy.mark} it does not start`;
}
