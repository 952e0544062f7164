import type { Load } from 'lowtide/api';
import type { BackupRun, Schedule, Slot } from '../api/answers.ts';
import { readTide, type Tide, type TideAnswers } from './tide.ts';
import { dayMs, hourMs, minuteMs } from './zone.ts';

export const now = Date.parse('2026-03-28T12:00:00Z');
const iso = (at: number): string => new Date(at).toISOString();

export function scheduleOf(id: string, change: Partial<Schedule> = {}): Schedule {
  return {
    id,
    origin: 'config',
    type: 'database',
    source: { type: 'postgres', label: 'db' },
    everySeconds: 86_400,
    window: { start: '22:00', end: '02:00' },
    intervalSeconds: 86_400,
    timezone: 'Europe/Madrid',
    priority: 'medium',
    maxDelaySeconds: 6 * 3600,
    onDeadline: 'run',
    run: { nice: 10, ioPriority: 'low', pause: true },
    estimatedDurationSeconds: 2700,
    resources: { cpu: 0.3, memory: 0.5 },
    stores: ['local'],
    verifyAfterBackup: true,
    paused: false,
    lastSuccessAt: iso(now - 12 * hourMs),
    nextRunAt: iso(now + 12 * hourMs),
    ...change,
  };
}

export function runOf(schedule: string, start: number, change: Partial<BackupRun> = {}): BackupRun {
  return {
    kind: 'backup',
    id: `${schedule}-${start}`,
    schedule,
    type: 'database',
    trigger: 'schedule',
    status: 'completed',
    startedAt: iso(start),
    finishedAt: iso(start + 40 * minuteMs),
    warnings: [],
    pausedSeconds: 0,
    ...change,
  };
}

export function slotOf(schedule: string, start: number, change: Partial<Slot> = {}): Slot {
  return {
    schedule,
    dueAt: iso(start - hourMs),
    start: iso(start),
    end: iso(start + 45 * minuteMs),
    window: { start: iso(start - hourMs), end: iso(start + 3 * hourMs) },
    deadline: iso(start + 5 * hourMs),
    priority: 'medium',
    alternatives: [],
    reason: { code: 'quietest', text: 'quietest 45m of its window: cpu 0.18, memory 0.40' },
    ...change,
  };
}

/** Load by 5 minutes over the past and the coming two days, for each resource. */
export function loadOfDays(): Load {
  const steps = (2 * dayMs) / (5 * minuteMs);
  const wave = (step: number): number => 0.4 + 0.3 * Math.sin(step / 40) + 0.1 * Math.sin(step * 1.7);
  const series = Array.from({ length: steps }, (_, step) => step);
  return {
    host: 'db1',
    from: iso(now - 2 * dayMs),
    until: iso(now),
    resources: (['cpu', 'memory', 'disk'] as const).map((resource) => ({
      resource,
      samples: series.map((step) => ({ at: iso(now + (step - steps) * 5 * minuteMs), value: wave(step) })),
      profile: [],
      quietHours: [],
      forecast: series.map((step) => ({
        at: iso(now + step * 5 * minuteMs),
        expected: wave(step),
        low: wave(step) - 0.1,
        high: wave(step) + 0.1,
      })),
    })),
  };
}

/** Every schedule with a window of its own, two runs behind it and two slots to come. */
export function manyAnswers(count: number): Required<TideAnswers> {
  const ids = Array.from({ length: count }, (_, index) => index);
  const zones = ['Europe/Madrid', 'America/New_York', 'Asia/Kathmandu', 'UTC'];
  const startOf = (index: number, day: number): number => now + day * dayMs + (index % 97) * 9 * minuteMs;
  return {
    schedules: ids.map((index) =>
      scheduleOf(`s${index}`, {
        window: {
          start: `${String(index % 24).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}`,
          end: `${String((index + 5) % 24).padStart(2, '0')}:30`,
        },
        timezone: zones[index % zones.length] ?? 'UTC',
      }),
    ),
    runs: ids.flatMap((index) => [-2, -1].map((day) => runOf(`s${index}`, startOf(index, day)))),
    plan: {
      slots: ids.flatMap((index) => [0, 1].map((day) => slotOf(`s${index}`, startOf(index, day)))),
    },
    load: loadOfDays(),
  };
}

export function tideOf(count: number): Tide {
  return readTide(manyAnswers(count));
}

/** The same with members left out, as the API leaves out what there is not. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const left = { ...value };
  for (const key of keys) Reflect.deleteProperty(left, key);
  return left;
}
