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
  const clock = new ManualClock(noon);
  const stop = new AbortController();
  const told: string[] = [];
  let settledUntil = noon;
  const settle = (until: number): Promise<void> => {
    settledUntil = Math.max(settledUntil, until);
    return Promise.resolve();
  };
  const scheduler = new Scheduler({
    schedules: [schedule],
    clock,
    catalog: {
      schedules: () =>
        Promise.resolve(new Map([['db', { paused: false, settledUntil } satisfies ScheduleState]])),
      settleUpTo: (_, until) => settle(until),
      recordMissed: (_, { dueAt, reason = '' }: Missed) => {
        told.push(`${timeOf(dueAt)} ${reason}`);
        return settle(dueAt);
      },
      append: () => Promise.resolve(undefined as never),
    },
    start: async (_, dueAt) => {
      await settle(dueAt);
      told.push(`${timeOf(dueAt)} at ${timeOf(clock.now())}`);
      await clock.wakeAt(clock.now() + minutes * minute, stop.signal).catch(() => undefined);
    },
    onError: (error) => {
      throw error;
    },
  });
  const loop = scheduler.run(stop.signal);
  for (let at = noon; at <= noon + (hours + 4) * hour; at += minute) {
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
