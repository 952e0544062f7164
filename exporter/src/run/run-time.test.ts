import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Run } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { expectedWork, finishBy } from './run-time.ts';

const minute = 60_000;
const hour = 60 * minute;
const midnight = Date.parse('2026-03-02T00:00:00Z');
const two = midnight + 2 * hour;

/** Due once a night. */
function schedule(): ScheduleConfig {
  return { ...windowless(24 * hour), window: { startMinute: 120, endMinute: 360 } };
}

function windowless(every: number): ScheduleConfig {
  return {
    id: 'db',
    source: { type: 'sqlite', path: '/srv/db' },
    every,
    timezone: 'UTC',
    priority: 'medium',
    max_delay: 2 * hour,
    on_deadline: 'run',
    run: { nice: 10, io_priority: 'low', pause: true },
    estimated_duration: 30 * minute,
    resources: { cpu: 0.25, memory: 0.1 },
    stores: ['local'],
    verify: { after_backup: true },
  };
}

describe('finishBy', () => {
  it('gives a run three times of what it needs while its schedule has that', () => {
    const run = { startedAt: two, dueAt: two, expectedMs: hour };
    expect(finishBy(schedule(), run)).toBe(two + 3 * hour);
  });

  it('lets it end by the latest time at which it might have started', () => {
    const run = { startedAt: two, dueAt: two, expectedMs: 4 * hour };
    expect(finishBy(schedule(), run)).toBe(midnight + 8 * hour);
    expect(finishBy(windowless(hour), { ...run, expectedMs: 40 * minute })).toBe(two + hour);
  });

  it('leaves it a quarter more than it needs, however late it is', () => {
    const late = { startedAt: midnight + 8 * hour, dueAt: two, expectedMs: hour };
    expect(finishBy(schedule(), late)).toBe(late.startedAt + 1.25 * hour);
  });

  it('counts for a run by hand to the next window alone', () => {
    const run = { startedAt: midnight + hour, expectedMs: 30 * minute };
    expect(finishBy(schedule(), run)).toBe(two);
    expect(finishBy(schedule(), { ...run, startedAt: two + minute })).toBe(two + 91 * minute);
  });

  it('always lies between a quarter more and three times', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 48 * hour }),
        fc.integer({ min: 1, max: 40 * hour }),
        (at, ms) => {
          const startedAt = midnight + at;
          const by = finishBy(schedule(), { startedAt, dueAt: two, expectedMs: ms });
          expect(by).toBeGreaterThanOrEqual(startedAt + 1.25 * ms);
          expect(by).toBeLessThanOrEqual(startedAt + 3 * ms);
        },
      ),
    );
  });
});

describe('expectedWork', () => {
  const run = (minutes: number, pausedSeconds = 0): Run => ({
    id: 'r',
    schedule: 'db',
    type: 'database',
    trigger: 'schedule',
    status: 'completed',
    startedAt: two,
    finishedAt: two + minutes * minute,
    objectPrefix: 'db/r',
    stores: ['local'],
    warnings: [],
    pausedSeconds,
  });

  it('is the guess at first, and then what runs took without their stops', () => {
    expect(expectedWork([run(10)], hour)).toBe(hour);
    expect(expectedWork([run(30, 20 * 60), run(10), run(12, 120)], hour)).toBe(10 * minute);
  });
});
