import { parentPort } from 'node:worker_threads';
import { planDue } from '../schedule/plan-due.ts';
import { slotView } from './plan-view.ts';
import type { PlanAnswer, PlanQuestion } from './plan-thread.ts';

/** Answers one question after the other. */
parentPort?.on('message', ({ id, wants, request }: PlanQuestion) => {
  const plan = planDue(request);
  const answer: PlanAnswer =
    wants === 'slots'
      ? { id, slots: plan.slots }
      : { id, views: plan.slots.map((slot) => slotView(plan, slot)) };
  parentPort?.postMessage(answer);
});
