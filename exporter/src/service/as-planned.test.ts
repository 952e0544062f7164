import { expect, it } from 'vitest';
import type { Missed, ScheduleState } from '../catalog/catalog.ts';
import { ManualClock } from '../clock/manual.ts';
import { scheduleSchema } from '../config/schedule-schema.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { dueUntil, planJobOf } from '../schedule/due-job.ts';
import { planDue } from '../schedule/plan-due.ts';
import { Scheduler } from './scheduler.ts';

const minute = 60_000;
const hour = 60 * minute;
const noon = Date.parse('2026-03-02T12:00:00Z');
const timeOf = (at: number): string => new Date(at).toISOString().slice(8, 16);

function hourly(maxDelay: string): ScheduleConfig {
  const given = { id: 'db', source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], every: '1h' };
  return {
    ...scheduleSchema.parse({ ...given, max_delay: maxDelay }),
    timezone: 'UTC',
    estimated_duration: minute,
  };
}

/** What the plan says is run, and missed, of a schedule whose runs take so long. */
function planned(schedule: ScheduleConfig, minutes: number, hours: number): readonly string[] {
  const resources = { cpu: 0.1, memory: 0.1 };
  const level = new Float64Array(576).fill(0.2);
  const { slots, misfits } = planDue({
    now: noon,
    jobs: dueUntil(schedule, noon, noon, noon + hours * hour).map((due) =>
      planJobOf(due, { durationMs: minutes * minute, resources }),
    ),
    load: { startsAt: noon, stepMs: 5 * minute, cpu: level, memory: level, isKnown: true },
  });
  return [
    ...slots.map(({ dueAt, start }) => `${timeOf(dueAt)} at ${timeOf(start)}`),
    ...misfits.map(({ job, reason }) => `${timeOf(job.occurrence.dueAt)} ${reason.code}`),
  ].sort();
}

/** What the scheduler makes of it; of several missed in a row the last. */
async function lived(schedule: ScheduleConfig, minutes: number, hours: number): Promise<readonly string[]> {
  return (await livedBeside([{ schedule, minutes }], hours, minute)).map((told) => told.slice('db '.length));
}

interface Lived {
  readonly schedule: ScheduleConfig;
  readonly minutes: number;
}

/** The same of several, each told with its schedule. */
async function livedBeside(all: readonly Lived[], hours: number, stepMs: number): Promise<readonly string[]> {
  const clock = new ManualClock(noon);
  const stop = new AbortController();
  const told: string[] = [];
  const settled = new Map(all.map(({ schedule }) => [schedule.id, noon]));
  const settle = (id: string, until: number): Promise<void> => {
    settled.set(id, Math.max(settled.get(id) ?? noon, until));
    return Promise.resolve();
  };
  const scheduler = new Scheduler({
    schedules: all.map(({ schedule }) => schedule),
    clock,
    catalog: {
      schedules: () =>
        Promise.resolve(
          new Map(
            [...settled].map(([id, settledUntil]) => [
              id,
              { paused: false, settledUntil } satisfies ScheduleState,
            ]),
          ),
        ),
      settleUpTo: settle,
      recordMissed: (id, { dueAt, reason = '' }: Missed) => {
        told.push(`${id} ${timeOf(dueAt)} ${reason}`);
        return settle(id, dueAt);
      },
      append: () => Promise.resolve(undefined as never),
    },
    start: async ({ id }, dueAt) => {
      await settle(id, dueAt);
      told.push(`${id} ${timeOf(dueAt)} at ${timeOf(clock.now())}`);
      const minutes = all.find(({ schedule }) => schedule.id === id)?.minutes ?? 0;
      await clock.wakeAt(clock.now() + minutes * minute, stop.signal).catch(() => undefined);
      return undefined;
    },
    onError: (error) => {
      throw error;
    },
  });
  const loop = scheduler.run(stop.signal);
  for (let at = noon; at <= noon + (hours + 4) * hour; at += stepMs) {
    clock.set(at);
    // The loop waits for nothing but the clock.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  stop.abort();
  await loop;
  return told.sort();
}

it.each([
  ['a little longer than from one to the next', 61, '6h'],
  ['longer than that and their delay', 100, '30m'],
  ['half as long again, with time to wait', 90, '6h'],
  ['twice as long', 120, '6h'],
])('the scheduler begins and misses what the plan says, where runs take %s', async (_, minutes, delay) => {
  const schedule = hourly(delay);
  const told = await lived(schedule, minutes, 12);
  const until = timeOf(noon + 12 * hour);
  expect(told.filter((each) => each.slice(0, 8) <= until)).toEqual(planned(schedule, minutes, 12));
});

it('the scheduler misses of what comes every minute what the plan says has no room beside another', async () => {
  const given = { source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'] };
  const often = { ...given, id: 'often', every: '1m', resources: { cpu: 0.3, memory: 0.1 } };
  const big = {
    ...given,
    id: 'big',
    every: '1d',
    window: '12:30-13:00',
    resources: { cpu: 0.9, memory: 0.1 },
  };
  const all = [
    { schedule: { ...hourly('1h'), ...scheduleSchema.parse(often) }, minutes: 0.5 },
    { schedule: { ...hourly('1h'), ...scheduleSchema.parse(big) }, minutes: 10 },
  ].map(({ schedule, minutes }) => ({
    schedule: { ...schedule, timezone: 'UTC', estimated_duration: minutes * minute },
    minutes,
  }));
  const level = new Float64Array(576).fill(0.05);
  const { misfits } = planDue({
    now: noon,
    jobs: all.flatMap(({ schedule, minutes }) =>
      dueUntil(schedule, noon, noon, noon + hour).map((due) =>
        planJobOf(due, { durationMs: minutes * minute, resources: schedule.resources }),
      ),
    ),
    load: { startsAt: noon, stepMs: 5 * minute, cpu: level, memory: level, isKnown: true },
  });
  const told = await livedBeside(all, 1, 10_000);
  const missed = told.filter((each) => each.endsWith('capacity'));
  expect(missed).toEqual(
    Array.from({ length: 10 }, (_, index) => `often ${timeOf(noon + (30 + index) * minute)} capacity`),
  );
  expect(misfits.map(({ job, reason }) => `${timeOf(job.occurrence.dueAt)} ${reason.text}`)).toEqual([
    `${timeOf(noon + 30 * minute)} it and the 9 behind it will be missed, for there is no room before the next one is due: cpu is taken by others for 10m`,
  ]);
});
