import type { Slot } from '../api/contract.ts';
import type { Plan, PlannedSlot } from '../schedule/planner.ts';
import { toRfc3339 } from '../units/instant.ts';

/** A slot of a plan as the API and `lowtide plan --json` tell it, with its reasons. */
export function slotView(plan: Plan, slot: PlannedSlot): Slot {
  const { job, schedule, dueAt, start, end } = slot;
  const { occurrence, durationMs, priority } = job;
  const { code, text, load, best, others } = plan.explain(slot);
  return {
    schedule,
    dueAt: toRfc3339(dueAt),
    start: toRfc3339(start),
    end: toRfc3339(end),
    window: { start: toRfc3339(occurrence.windowStart), end: toRfc3339(occurrence.windowEnd) },
    deadline: toRfc3339(occurrence.deadline),
    priority,
    forecast: load,
    best: { start: toRfc3339(best.start), forecast: best.load },
    alternatives: others.map((other) => ({
      start: toRfc3339(other.start),
      end: toRfc3339(other.start + durationMs),
      forecast: other.load,
      whyNot: { code: other.whyNot, text: other.text },
    })),
    reason: { code, text },
  };
}
