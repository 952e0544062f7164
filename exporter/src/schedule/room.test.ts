import { expect, it } from 'vitest';
import type { PlacementJob, PlacementProblem } from './placement-problem.ts';
import { withinRoom } from './room.ts';

const slots = 4;
/** Of two hosts; the second has a run of its own, which takes as much. */
const cpu = (ownOf: number, runs: number) => ({
  base: Float64Array.from({ length: 2 * slots }, (_, place) => ownOf + (place < slots ? 0 : runs)),
  capacity: [1, 1],
  loadWeight: 1,
});
const folder = (taken: number) => ({ base: new Float64Array(slots).fill(taken), capacity: 1 });
const common: Omit<PlacementProblem, 'jobs'> = {
  ...{ slots, hosts: 2, slotHours: 1 / 12, delayPenaltyPerHour: 1, unplacedPenalty: 10, movePenalty: 1 },
  resources: [cpu(0.4, 0.4)],
  shared: [folder(1)],
};

it('makes do beside a run where another host’s folder is full, which it has nothing to do with there', () => {
  const job: PlacementJob = {
    ...{ earliest: 0, windowEnd: 3, latest: 3, duration: 1, weight: 1, hosts: [0, 1] },
    needs: [0.65],
    claims: [{ resource: 0, amount: 1, host: 0 }],
  };
  const running = () => ({ resources: [cpu(0, 0.3)], shared: [folder(1)] });
  expect(withinRoom([job], common, running)[0]?.needs[0]).toBeCloseTo(0.2);
});
