import { performance } from 'node:perf_hooks';
import { findPlacement } from '../../exporter/src/schedule/optimise.ts';
import { unplaced } from '../../exporter/src/schedule/placement.ts';

/** The core of Lowtide's planner behind the interface of ../shared/sched-eval: `node balance.mjs --solver .../balancer.mjs`. */
export function schedule(instance, { timeLimitMs }) {
  const began = performance.now();
  const { forecast, capacity, loadWeights, priorityWeights, slotSeconds } = instance;
  const problem = {
    slots: instance.slots,
    slotHours: slotSeconds / 3600,
    hosts: 1,
    resources: ['cpu', 'mem'].map((name) => ({
      base: forecast[name],
      capacity: [capacity[name]],
      loadWeight: loadWeights[name],
    })),
    jobs: instance.jobs.map((job) => ({
      earliest: job.windowStart,
      windowEnd: job.windowEnd,
      latest: job.windowEnd + job.maxDelay,
      duration: job.durationSlots,
      weight: priorityWeights[job.priority],
      needs: [job.cpu, job.mem],
    })),
    delayPenaltyPerHour: instance.delayPenaltyPerHour,
    unplacedPenalty: instance.unscheduledPenalty,
    movePenalty: 0,
  };
  const { places } = findPlacement(problem, {
    thoroughness: 'improved',
    movesPerJob: 200_000,
    budget: { ms: 0.95 * timeLimitMs, elapsedMs: () => performance.now() - began },
  });
  return {
    starts: Object.fromEntries(
      instance.jobs.map(({ id }, index) => [id, places[index] === unplaced ? null : places[index]]),
    ),
  };
}
