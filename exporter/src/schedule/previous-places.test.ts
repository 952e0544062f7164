import { expect, it } from 'vitest';
import { PreviousPlaces } from './previous-places.ts';

const grid = { startsAt: 0, slotMs: 10, slots: 100 };

function placesOf(
  told: Record<string, { schedule: string; dueAt: number; start: number; owner?: string }[]>,
) {
  const previous = new Map(Object.entries(told));
  return new PreviousPlaces({ now: 0, hosts: new Map(), previous }, [...previous.keys()], grid);
}

function run(schedule: string, dueAt: number) {
  const occurrence = { dueAt, windowStart: dueAt, windowEnd: dueAt, deadline: dueAt };
  const resources = { cpu: 0, memory: 0 };
  return { schedule, occurrence, durationMs: 10, resources, stores: [], priority: 'medium' as const };
}

it('knows the place of each run of a schedule, and of one that was told twice the first', () => {
  const before = placesOf({
    a: [
      { schedule: 'nightly', dueAt: 1, start: 30 },
      { schedule: 'nightly', dueAt: 2, start: 55 },
      { schedule: 'nightly', dueAt: 3, start: 70 },
      { schedule: 'nightly', dueAt: 2, start: 90 },
    ],
  });
  expect([1, 2, 3, 4].map((dueAt) => before.of('a', run('nightly', dueAt)))).toEqual([3, 5, 7, -1]);
  expect(before.of('a', run('weekly', 1))).toBe(-1);
});

it('tells the schedules of hosts and pools apart, wherever they were to run', () => {
  const before = placesOf({
    a: [{ schedule: 'nightly', dueAt: 1, start: 30 }],
    b: [
      { schedule: 'nightly', dueAt: 1, start: 40 },
      { schedule: 'nightly', dueAt: 1, start: 50, owner: 'pool' },
    ],
  });
  expect(['a', 'b', 'pool', 'c'].map((owner) => before.of(owner, run('nightly', 1)))).toEqual([
    3, 104, 105, -1,
  ]);
});

it('knows no place that lies outside of the slots', () => {
  const before = placesOf({
    a: [
      { schedule: 'nightly', dueAt: 1, start: -1 },
      { schedule: 'nightly', dueAt: 2, start: 1000 },
    ],
  });
  expect([1, 2].map((dueAt) => before.of('a', run('nightly', dueAt)))).toEqual([-1, -1]);
});
