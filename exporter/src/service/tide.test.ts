import { describe, expect, it } from 'vitest';
import type { Run } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { LoadRecord } from '../load/load.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { Planning } from './planning.ts';
import { latestStart, Tide, type DueJob } from './tide.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const midnight = Date.parse('2026-03-10T00:00:00Z');

/** Three weeks of a host that is quietest at half past four. */
const history: readonly LoadRecord[] = Array.from({ length: (21 * day) / (5 * minute) }, (_, index) => {
  const at = midnight - 21 * day + index * 5 * minute;
  const fromTrough = Math.abs((at % day) - 4.5 * hour) / hour;
  return { at, cpu: Math.min(0.9, 0.05 + fromTrough * 0.08), memory: 0.3, disk: 0.1 };
});

function tide(records = history, runs: readonly Run[] = []): Tide {
  const load = {
    record: () => undefined,
    records: (_step: string, from: number, until: number) =>
      records.filter(({ at }) => at >= from && at < until),
  };
  return new Tide({ catalog: { load, runs: () => runs }, timezone: 'UTC' });
}

/** Due once a night. */
function schedule(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return { ...windowless(id), window: { startMinute: 120, endMinute: 360 }, ...more };
}

function windowless(id: string, more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return {
    id,
    source: { type: 'sqlite', path: `/srv/${id}.db` },
    every: day,
    timezone: 'UTC',
    priority: 'medium',
    max_delay: 2 * hour,
    estimated_duration: 30 * minute,
    resources: { cpu: 0.3, memory: 0.1 },
    stores: ['local'],
    verify: { after_backup: true },
    ...more,
  };
}

function due(each: ScheduleConfig, now = midnight): DueJob {
  const [occurrence] = nextOccurrences(each, now, now + 7 * day);
  if (occurrence === undefined) throw new Error('nothing is due');
  return { schedule: each, occurrence };
}

describe('the tide', () => {
  it('puts a backup into the low of the load, and says so', () => {
    const plan = tide().plan([due(schedule('shop'))], midnight);
    const [slot] = plan.slots;
    if (slot === undefined) throw new Error('there is no slot');
    expect(Math.abs(slot.start - (midnight + 4.25 * hour))).toBeLessThanOrEqual(20 * minute);
    expect(plan.explain(slot)).toMatchObject({
      code: 'quietest',
      text: expect.stringContaining('cpu 0.0') as string,
    });
  });

  it('starts as the window opens where nothing is known', () => {
    const plan = tide([]).plan([due(schedule('shop'))], midnight);
    expect(plan.slots).toMatchObject([{ start: midnight + 2 * hour }]);
    expect(plan.slots.map((slot) => plan.explain(slot).code)).toEqual(['no_history']);
  });

  it('leaves what has no choice at its time, however much of it there is', () => {
    const often = windowless('often', { every: minute, max_delay: 10_000, resources: { cpu: 1, memory: 1 } });
    const plan = tide().planAhead([often], midnight, 1);
    expect(plan.slots).toHaveLength(60);
    expect(plan.misfits).toEqual([]);
    expect(plan.slots[7]).toMatchObject({ start: midnight + 8 * minute });
    expect(plan.slots.slice(0, 2).map((slot) => plan.explain(slot).code)).toEqual([
      'only_start',
      'only_start',
    ]);
  });

  it('puts nothing off until the next one is due', () => {
    const hourly = windowless('hourly', { every: hour, max_delay: 6 * hour });
    expect(latestStart(due(hourly))).toBe(midnight + 2 * hour);
    const plan = tide().planAhead([hourly], midnight, 24);
    expect(plan.slots).toHaveLength(24);
    for (const slot of plan.slots) expect(slot.start - slot.dueAt).toBeLessThanOrEqual(hour);
  });

  it('learns from runs how long they take', () => {
    const ran = (ms: number): Run => ({ startedAt: 0, finishedAt: ms }) as Run;
    expect(tide(history, []).durationOf(schedule('shop'))).toBe(30 * minute);
    expect(tide(history, [ran(60_000), ran(61_000), ran(62_000)]).durationOf(schedule('shop'))).toBe(62_000);
  });

  it('forecasts anew with each step, and not at every look', () => {
    const one = tide();
    const forecasts = one.forecasts(midnight);
    expect(one.forecasts(midnight + minute)).toBe(forecasts);
    expect(one.forecasts(midnight + 5 * minute)).not.toBe(forecasts);
  });
});

describe('the plan that the scheduler follows', () => {
  it('stays as it is until something changes', () => {
    const planning = new Planning(tide());
    const jobs = [due(schedule('shop')), due(schedule('files'))];
    const starts = planning.starts(jobs, [], midnight);
    expect([...starts.keys()].sort()).toEqual(['files', 'shop']);
    expect(planning.starts(jobs, [], midnight + minute)).toBe(starts);
    const fewer = planning.starts(jobs.slice(0, 1), [], midnight + minute);
    expect([...fewer.keys()]).toEqual(['shop']);
  });

  it('keeps those apart that do not fit beside each other', () => {
    const planning = new Planning(tide());
    const large = { cpu: 0.6, memory: 0.1 };
    const jobs = [due(schedule('a', { resources: large })), due(schedule('b', { resources: large }))];
    const [a = 0, b = 0] = [...planning.starts(jobs, [], midnight).values()];
    expect(Math.abs(a - b)).toBeGreaterThanOrEqual(30 * minute);
  });
});
