import { expect, it } from 'vitest';
import { scheduleSchema } from '../../config/schedule-schema.ts';
import { dueUntil, planJobOf } from '../../schedule/due-job.ts';
import { planFleetDue } from '../../schedule/plan-due.ts';
import type { PlanJob } from '../../schedule/planner.ts';
import { toldJobs } from './told-jobs.ts';

const minute = 60_000;
const day = 1440 * minute;
const now = Date.parse('2026-03-02T00:00:00Z');

interface Wish {
  readonly at?: number;
  readonly settledUntil?: number;
  readonly window?: string;
  readonly minutes?: number;
}

function jobsOf(
  id: string,
  every: string,
  { at = now, settledUntil = at, minutes = 1, ...more }: Wish = {},
): PlanJob[] {
  const given = { id, every, source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], ...more };
  const schedule = { ...scheduleSchema.parse(given), timezone: 'UTC', estimated_duration: minute };
  return dueUntil(schedule, settledUntil, at, at + day).map((due) =>
    planJobOf(due, { durationMs: minutes * minute, resources: { cpu: 0.02, memory: 0.02 } }),
  );
}

const countOf = (jobs: readonly PlanJob[], id: string): number =>
  jobs.filter(({ schedule }) => schedule === id).length;

it('a host tells all that it has to run within a day', () => {
  const jobs = [...jobsOf('often', '15m'), ...jobsOf('nightly', '1d')];
  expect(toldJobs(jobs)).toHaveLength(jobs.length);
});

it('a host that has more tells all of it up to some hour, and the next ones of each schedule', () => {
  const often = ['a', 'b', 'c', 'd'].flatMap((id) => jobsOf(id, '5m'));
  const told = toldJobs([...often, ...jobsOf('late', '3h')]);
  const hours = Math.floor(250 / (4 * 12));
  for (const id of ['a', 'b', 'c', 'd']) {
    expect(countOf(told, id)).toBeGreaterThanOrEqual(hours * 12);
    expect(countOf(told, id)).toBeLessThanOrEqual((hours + 1) * 12);
  }
  expect(countOf(told, 'late')).toBe(8);
});

it.each(['5m', '15m', '30m'])(
  'a nightly backup lies in the quiet hours at each look, beside one every %s',
  (every) => {
    const step = 5 * minute;
    const begin = now + 20 * 60 * minute;
    const loadAt = (at: number): number => 0.3 - 0.25 * Math.cos(((at / day - 1 / 12) % 1) * 2 * Math.PI);
    const settled = { night: begin, often: begin };
    let startedAt = Infinity;
    for (let at = begin; at < begin + 18 * 60 * minute && startedAt === Infinity; at += step) {
      const night = jobsOf('night', '1d', {
        ...{ at, settledUntil: settled.night, window: '22:00-06:00', minutes: 60 },
      });
      const jobs = toldJobs([...night, ...jobsOf('often', every, { at, settledUntil: settled.often })]);
      const cpu = Float64Array.from({ length: 576 }, (_, index) => loadAt(at + index * step));
      const load = { startsAt: at, stepMs: step, cpu, memory: new Float64Array(576), isKnown: true };
      const { slots } = planFleetDue({ now: at, hosts: new Map([['one', { jobs, load }]]) });
      for (const { schedule, dueAt, start } of slots.get('one') ?? []) {
        if (start >= at + step) continue;
        if (schedule === 'night') startedAt = start;
        else settled.often = Math.max(settled.often, dueAt);
      }
    }
    expect(loadAt(startedAt)).toBeLessThan(0.1);
  },
);
