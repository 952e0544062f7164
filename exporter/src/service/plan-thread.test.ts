import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { planDue } from '../schedule/plan-due.ts';
import type { PlanJob, PlanRequest } from '../schedule/planner.ts';
import { PlanThread } from './plan-thread.ts';
import { planView } from './plan-view.ts';

const midnight = Date.UTC(2026, 10, 24);
const hour = 3_600_000;

const steps = 48 * 12;
const load = {
  startsAt: midnight,
  stepMs: 300_000,
  cpu: Float64Array.from({ length: steps }, (_, step) => 0.4 + 0.3 * Math.sin(step / 20)),
  memory: new Float64Array(steps).fill(0.3),
  isKnown: true,
};

function requestOf(count: number): PlanRequest {
  const jobs = Array.from({ length: count }, (_, index): PlanJob => ({
    schedule: `s${index}`,
    occurrence: {
      dueAt: midnight + hour,
      windowStart: midnight + hour,
      windowEnd: midnight + 5 * hour,
      deadline: midnight + 9 * hour,
    },
    durationMs: 10 * 60_000,
    resources: { cpu: 0.05, memory: 0.02 },
    stores: ['local'],
    priority: 'medium',
  }));
  return { now: midnight, jobs, load };
}

describe('a thread for plans', () => {
  let thread: PlanThread;
  afterEach(async () => {
    vi.restoreAllMocks();
    await thread[Symbol.asyncDispose]();
  });

  it('plans a few jobs at once, without a thread', async () => {
    thread = new PlanThread();
    const post = vi.spyOn(Worker.prototype, 'postMessage');
    const request = requestOf(3);
    expect(thread.slots(request)).toEqual(planDue(request).slots);
    expect(await thread.view(request)).toEqual(planView(planDue(request)));
    expect(post).not.toHaveBeenCalled();
  });

  it('plans many as they would be planned here, several plans at a time', async () => {
    thread = new PlanThread();
    const [small, large] = [requestOf(30), requestOf(60)];
    const plan = planDue(large);
    const [slots, view, others] = await Promise.all([
      thread.slots(large),
      thread.view(large),
      thread.slots(small),
    ]);
    expect(slots).toEqual(plan.slots);
    expect(view).toEqual(planView(plan));
    expect(others).toEqual(planDue(small).slots);
  });

  it('tells what cannot be placed as it should be, and why', async () => {
    thread = new PlanThread();
    const { jobs, ...rest } = requestOf(2);
    const view = await thread.view({
      ...rest,
      jobs: jobs.map((job, index) => ({ ...job, resources: { cpu: index === 0 ? 0.05 : 1, memory: 0.02 } })),
    });
    expect(view.slots).toHaveLength(2);
    expect(view.problems).toMatchObject([
      {
        schedule: 's1',
        dueAt: '2026-11-24T01:00:00.000Z',
        start: view.slots.find(({ schedule }) => schedule === 's1')?.start,
        lateSeconds: 0,
        reason: { code: 'cramped', text: expect.stringContaining('asks for cpu 1.00') as string },
      },
    ]);
  });

  it('plans here what its thread cannot, and goes on with another one', async () => {
    thread = new PlanThread();
    const request = requestOf(140);
    const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(function (this: Worker) {
      void this.terminate();
    });
    expect(await thread.slots(request)).toEqual(planDue(request).slots);
    expect(await thread.slots(request)).toEqual(planDue(request).slots);
    expect(post).toHaveBeenCalledTimes(2);
  });
});
