import { describe, expect, it } from 'vitest';
import { scheduleSchema } from '../config/schedule-schema.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { following, type DueJob } from './due-job.ts';
import { firstAfter } from './standing.ts';

const minute = 60_000;
const hour = 60 * minute;
const noon = Date.parse('2026-03-02T12:00:00Z');

function schedule(id: string, config: object): ScheduleConfig {
  const given = { id, source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], ...config };
  return { ...scheduleSchema.parse(given), timezone: 'UTC', estimated_duration: hour };
}

function next(of: ScheduleConfig): DueJob {
  const occurrence = firstAfter(of, noon);
  if (occurrence === undefined) throw new Error(`${of.id} is never due`);
  return { schedule: of, occurrence };
}

const times = { now: noon, durationOf: () => hour };
const night = schedule('night', { every: '1d', window: '22:00-06:00', max_delay: '1h' });
/** Of one schedule, when the last that follows begins. */
const lastOf = (found: readonly DueJob[], id: string): number =>
  Math.max(...found.filter((each) => each.schedule.id === id).map(({ occurrence }) => occurrence.dueAt));

describe('what follows what is due next', () => {
  it('is all that comes until the last of that is over, and that alone', () => {
    const often = schedule('often', { every: '15m' });
    const found = following([next(night), next(often)], [], times);
    // From the second one on, up to the deadline at seven and an hour.
    expect(found).toHaveLength(20 * 4 - 1);
    expect(found.map(({ occurrence }) => occurrence.dueAt)[0]).toBe(noon + 30 * minute);
    expect(lastOf(found, 'often')).toBe(noon + 20 * hour);
  });

  it('has what runs now, from its next one on, and nothing of a pool', () => {
    const [often, pooled] = [
      schedule('often', { every: '1h' }),
      schedule('pooled', { every: '1h', pool: 'any' }),
    ];
    const found = following([next(night), next(pooled)], [often], times);
    expect(new Set(found.map((each) => each.schedule.id))).toEqual(new Set(['often']));
    expect(found[0]?.occurrence.dueAt).toBe(noon + hour);
  });

  it('is less far ahead where it would be too much, of all schedules alike', () => {
    const many = Array.from({ length: 60 }, (_, index) => schedule(`s${index}`, { every: '5m' }));
    const found = following([next(night), ...many.map(next)], [], times);
    expect(found.length).toBeGreaterThan(4500);
    expect(found.length).toBeLessThan(5500);
    const ends = many.map(({ id }) => lastOf(found, id));
    expect(new Set(ends).size).toBe(1);
  });

  it('is nothing where nothing is due', () => {
    expect(following([], [schedule('often', { every: '5m' })], times)).toEqual([]);
  });
});
