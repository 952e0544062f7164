import { describe, expect, it } from 'vitest';
import { planDue } from './plan-due.ts';
import type { PlanJob, PlanRequest, RunningJob } from './planner.ts';
import type { HostLoad } from './slot-grid.ts';

const minute = 60_000;
const hour = 60 * minute;
const now = Date.UTC(2026, 10, 24, 12);

const host = (cpu: number): HostLoad => ({
  ...{ startsAt: now, stepMs: 5 * minute, isKnown: true },
  cpu: new Float64Array(576).fill(cpu),
  memory: new Float64Array(576).fill(0.2),
});

/** Due between one and two, at the latest at three. */
const job = (more: Partial<PlanJob> = {}): PlanJob => ({
  ...{ schedule: 'db', durationMs: 30 * minute, priority: 'medium', stores: ['s3'] },
  occurrence: {
    ...{ dueAt: now + hour, windowStart: now + hour },
    ...{ windowEnd: now + 2 * hour, deadline: now + 3 * hour },
  },
  resources: { cpu: 0.3, memory: 0.05 },
  ...more,
});

/** Goes on until five. */
const running = (cpu: number, more: Partial<RunningJob> = {}): RunningJob => ({
  ...{ schedule: 'big', until: now + 5 * hour, priority: 'medium', durationMs: 6 * hour },
  ...{ resources: { cpu, memory: 0.1 }, stores: ['s3'] },
  ...more,
});

function told(request: Partial<PlanRequest>): readonly string[] {
  const { slots, misfits, explain } = planDue({ now, load: host(0.1), jobs: [job()], ...request });
  return [
    ...slots.map(
      (slot) => `at ${new Date(slot.start).toISOString().slice(11, 16)}, ${explain(slot).text.split(':')[0]}`,
    ),
    ...misfits.map(({ reason }) => `${reason.code}: ${reason.text}`),
  ];
}

describe('what a run that goes on leaves no room for', () => {
  it('starts once that is over, behind its deadline', () => {
    expect(told({ running: [running(0.8)] })).toEqual([
      'at 17:00, no room by its deadline',
      'late: starts 2h behind its deadline: cpu is taken until its deadline',
    ]);
    expect(told({ running: [running(0.8, { until: now + 90 * minute })] })).toEqual([
      'at 13:30, quietest 30m of its window',
    ]);
  });

  it.each([
    ['streams', { streams: 1 }, 'the way to s3'],
    ['bytes', { bandwidth: 1000 }, 'the bandwidth of the way to s3'],
  ])('or by the %s of a way', (_, limit, name) => {
    const bytesPerSecond = 600;
    const request = { limits: { stores: { s3: limit } }, running: [running(0.1, { bytesPerSecond })] };
    expect(told({ ...request, jobs: [job({ bytesPerSecond })] })).toEqual([
      'at 17:00, no room by its deadline',
      `late: starts 2h behind its deadline: ${name} is taken until its deadline`,
    ]);
  });

  it('is skipped where it would rather not be late', () => {
    expect(told({ running: [running(0.8)], jobs: [job({ isSkipped: true })] })).toEqual([
      'no_room: it will be skipped, for there is no room by its deadline: cpu is taken until then',
    ]);
  });

  it('makes do behind it with what the host has then, where that is full itself', () => {
    expect(told({ running: [running(0.8)], load: host(0.9) })).toEqual([
      'at 17:00, no room by its deadline',
      'cramped: it asks for cpu 0.30, and in its window the host has at most cpu 0.10 free; it starts 2h behind its deadline',
    ]);
  });

  it('makes do with what is free when a way is, be there more before', () => {
    const cpu = Float64Array.from({ length: 576 }, (_, step) => (step < 24 ? 0.75 : 0.9));
    const limits = { stores: { s3: { streams: 1 } } };
    const runs = [running(0.1, { until: now + 2 * hour })];
    expect(told({ running: runs, limits, load: { ...host(0), cpu } })).toEqual([
      'at 14:00, the host never has room for it, here it has most',
      'cramped: it asks for cpu 0.30, and in its window the host has at most cpu 0.10 free',
    ]);
  });

  it('makes do at once beside it where there is none by the forecast alone', () => {
    expect(told({ running: [running(0.6)], load: host(0.2) })).toEqual([
      'at 13:00, the host has no room for it beside what runs now, here it has most',
      'cramped: it asks for cpu 0.30, and in its window the host has at most cpu 0.20 free beside what runs now',
    ]);
    expect(told({ load: host(0.9) })).toEqual([
      'at 13:00, the host never has room for it, here it has most',
      'cramped: it asks for cpu 0.30, and in its window the host has at most cpu 0.10 free',
    ]);
  });
});
