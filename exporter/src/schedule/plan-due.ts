import { planSlots, type Plan, type PlanJob, type PlannedSlot, type PlanRequest } from './planner.ts';
import { loadOf } from './planning.ts';

/** A plan of all jobs: of those that have a choice by the planner, of the others at the one time they have. */
export function planDue(request: PlanRequest): Plan {
  const { free = [], fixed = [] } = Object.groupBy(request.jobs, ({ occurrence }) =>
    occurrence.deadline - occurrence.windowStart < request.load.stepMs ? 'fixed' : 'free',
  );
  return withFixed(planSlots({ ...request, jobs: free }), fixed, request);
}

/**
 * Adds what may start at one time only, as a schedule that is due every minute does: there is nothing to plan, and in a grid of
 * five minutes it would be in its own way.
 */
function withFixed(plan: Plan, fixed: readonly PlanJob[], request: PlanRequest): Plan {
  const slots = fixed.map((job): PlannedSlot => {
    const start = Math.max(request.now, job.occurrence.windowStart);
    return {
      schedule: job.schedule,
      dueAt: job.occurrence.dueAt,
      start,
      end: start + job.durationMs,
      job,
    };
  });
  const added = new Set(slots);
  const explain: Plan['explain'] = (slot) => {
    if (!added.has(slot)) return plan.explain(slot);
    const load = loadOf(request, slot.job);
    const step = Math.floor((slot.start - load.startsAt) / load.stepMs);
    const there = { cpu: load.cpu[step] ?? 0, memory: load.memory[step] ?? 0 };
    const best = { start: slot.start, load: there };
    return { code: 'only_start', text: 'it may start at no other time', load: there, best, others: [] };
  };
  return { ...plan, slots: [...plan.slots, ...slots].sort((a, b) => a.start - b.start), explain };
}
