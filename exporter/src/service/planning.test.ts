import { expect, it } from 'vitest';
import { scheduleSchema } from '../config/schedule-schema.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { dueUntil } from '../schedule/due-job.ts';
import { planDue } from '../schedule/plan-due.ts';
import { Planning } from './planning.ts';
import { Tide, type TideOptions } from './tide.ts';

const hour = 3_600_000;
const evening = Date.parse('2026-03-02T20:00:00Z');

function nightly(window: string): ScheduleConfig {
  const given = { id: 'night', source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], window };
  const { estimated_duration = hour, ...parsed } = scheduleSchema.parse({ ...given, cron: '0 22 * * *' });
  return { ...parsed, estimated_duration, timezone: 'UTC' };
}

it('plans anew what a reload has changed, though it is due when it was', async () => {
  const nothing = { record: () => Promise.resolve(), records: () => Promise.resolve([]) };
  const catalog: TideOptions['catalog'] = {
    load: nothing,
    hostLoads: nothing,
    schedules: () => Promise.resolve(new Map()),
    runs: () => Promise.resolve([]),
    reviews: { uses: () => Promise.resolve([]) },
  };
  const planning = new Planning(new Tide({ catalog, timezone: 'UTC' }), {
    slots: (request) => planDue(request).slots,
  });
  const startOf = async (schedule: ScheduleConfig): Promise<number | undefined> => {
    const due = dueUntil(schedule, evening, evening, evening + 12 * hour);
    return (await planning.starts(due, [], evening)).get('night');
  };
  expect(await startOf(nightly('22:00-23:00'))).toBe(evening + 2 * hour);
  planning.renew();
  expect(await startOf(nightly('22:30-23:00'))).toBe(evening + 2.5 * hour);
});
