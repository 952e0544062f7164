import type { OwnPlan, OwnSlot } from '../api/contract.ts';
import { isNothingKnown } from '../schedule/load-words.ts';
import type { Misfit, Plan, PlannedSlot } from '../schedule/planner.ts';
import type { KnownLoad } from '../schedule/slot-grid.ts';
import { toRfc3339 } from '../units/instant.ts';

/** What of a plan is shown by the API. */
export type PlanView = Pick<OwnPlan, 'slots' | 'problems'>;

export function planView(plan: Plan): PlanView {
  return {
    slots: plan.slots.map((slot) => slotView(plan, slot)),
    ...(plan.misfits.length > 0 && { problems: plan.misfits.map(problemView) }),
  };
}

function problemView({ job, start, lateMs, reason }: Misfit): NonNullable<PlanView['problems']>[number] {
  return {
    schedule: job.schedule,
    dueAt: toRfc3339(job.occurrence.dueAt),
    ...(start !== undefined && { start: toRfc3339(start) }),
    ...(lateMs !== undefined && { lateSeconds: lateMs / 1000 }),
    reason,
  };
}

/** A slot of a plan as the API and `lowtide plan --json` tell it, with its reasons. */
export function slotView(plan: Plan, slot: PlannedSlot): OwnSlot {
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
    ...(job.host !== undefined && { loadHost: job.host }),
    ...forecastOf(load),
    // Where nothing is known no start is quieter than another.
    ...(isNothingKnown(best.load)
      ? {}
      : { best: { start: toRfc3339(best.start), forecast: { ...best.load } } }),
    alternatives: others.map((other) => ({
      start: toRfc3339(other.start),
      end: toRfc3339(other.start + durationMs),
      ...forecastOf(other.load),
      whyNot: { code: other.whyNot, text: other.text },
    })),
    reason: { code, text },
  };
}

function forecastOf(load: KnownLoad): Pick<OwnSlot, 'forecast'> {
  return isNothingKnown(load) ? {} : { forecast: { ...load } };
}
