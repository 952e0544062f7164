import { expect, it } from 'vitest';
import { scheduleSchema } from '../config/schedule-schema.ts';
import { coarseStepMs, type LoadRecord } from '../load/load.ts';
import { Outlook } from './outlook.ts';
import { PlanThread } from './plan-thread.ts';
import { Tide, type TideOptions } from './tide.ts';

const now = Date.parse('2026-03-10T00:00:00Z');
const nobody = { avg10: 0, avg60: 0, avg300: 0 };
const waits = { some: { avg10: 0.3, avg60: 0.2, avg300: 0.1 }, full: { ...nobody, avg10: 0.05 } };

const records: readonly LoadRecord[] = [
  { at: now - coarseStepMs, cpu: 0.2, memory: 0.3, disk: 0.1, pressure: { cpu: 0.4, memory: 0, disk: NaN } },
];
const catalogOf = (past: readonly LoadRecord[]): TideOptions['catalog'] => ({
  load: { record: () => Promise.resolve(), records: () => Promise.resolve(past) },
  hostLoads: { record: () => Promise.resolve(), records: () => Promise.resolve(past) },
  schedules: () => Promise.resolve(new Map()),
  runs: () => Promise.resolve([]),
  reviews: { uses: () => Promise.resolve([]) },
});
const catalog = catalogOf(records);

/** `latest`: what was measured last. */
function outlook(latest: ConstructorParameters<typeof Outlook>[3]['latest'], past = records): Outlook {
  const nothing = { view: () => Promise.resolve({ slots: [] }) };
  const tide = new Tide({ catalog: catalogOf(past), timezone: 'UTC' });
  return new Outlook(tide, nothing, { version: 0, startOf: () => undefined }, { latest });
}

it('the load of this host has the pressure of now beside that of the past, of another one it has none', async () => {
  const calm = { some: nobody, full: nobody, stalledMs: 0 };
  const measured = { at: now, cpu: 0.2, memory: 0.3, disk: 0.1 };
  const pressure = { cpu: calm, memory: { ...waits, stalledMs: 5 }, disk: calm };
  const one = outlook(() => ({ ...measured, pressure }));
  const { resources } = await one.load(catalog, now, { hours: 1, host: undefined });
  expect(resources.map(({ resource, presentPressure }) => [resource, presentPressure])).toEqual([
    ['cpu', { some: nobody, full: nobody }],
    ['memory', waits],
    ['disk', { some: nobody, full: nobody }],
  ]);
  expect(resources[0]?.pressure).toMatchObject([{ value: 0.4 }]);

  const there = await one.load(catalog, now, { hours: 1, host: 'db1' });
  expect(there.resources.map(({ presentPressure }) => presentPressure)).toEqual(Array(3).fill(undefined));
  // As while Lowtide itself is at work.
  const unknown = await outlook(() => measured).load(catalog, now, { hours: 1, host: undefined });
  expect(unknown.resources.some((each) => 'presentPressure' in each)).toBe(false);
});

it('a new state, with no load on record, has the pressure of now', async () => {
  const calm = { some: nobody, full: nobody, stalledMs: 0 };
  const pressure = { cpu: { ...waits, stalledMs: 5 }, memory: calm, disk: calm };
  const one = outlook(() => ({ at: now, cpu: NaN, memory: NaN, disk: NaN, pressure }), []);
  const { resources } = await one.load(catalogOf([]), now, { hours: 1, host: undefined });
  expect(resources[0]).toMatchObject({ resource: 'cpu', samples: [], basis: 'none', presentPressure: waits });
  const there = await outlook(() => undefined, []).load(catalogOf([]), now, { hours: 1, host: undefined });
  expect(there.resources).toEqual([]);
});

it('tells with each forecast how far it may be off: of less than a day, anything', async () => {
  const { resources } = await outlook(() => undefined).load(catalog, now, { hours: 1, host: undefined });
  expect(resources[0]).toMatchObject({ resource: 'cpu', basis: 'level' });
  expect(resources[0]?.forecast[0]).toMatchObject({ expected: 0.2, low: 0, high: 1 });
  expect(resources[0]?.forecast.at(-1)).toMatchObject({ expected: 0.2, low: 0, high: 1 });
});

it('shows the starts of the plan that is followed, though by what this host knows another one would be better', async () => {
  const given = { source: { type: 'sqlite', path: '/srv/app.db' }, stores: ['local'], every: '2h' };
  const schedules = ['shop', 'wiki'].map((id) => ({
    ...scheduleSchema.parse({ ...given, id, max_delay: '100m' }),
    timezone: 'UTC',
    estimated_duration: coarseStepMs,
  }));
  // By the plan of all hosts, for a server that others dump until then; of the later ones it tells nothing.
  const followed = new Map([
    ['shop', 90],
    ['wiki', 45],
  ]);
  const startOf = (schedule: string, dueAt: number): number | undefined =>
    dueAt < now + 5 * 3_600_000 ? dueAt + (followed.get(schedule) ?? 0) * 60_000 : undefined;
  const tide = new Tide({ catalog, timezone: 'UTC' });
  await using thread = new PlanThread();
  const one = new Outlook(tide, thread, { version: 0, startOf }, { latest: () => undefined });
  const { slots } = await one.plan(schedules, now, 7);
  expect(slots.map(({ schedule, start }) => `${schedule} ${start.slice(11, 16)}`)).toEqual([
    'wiki 02:45',
    'shop 03:30',
    'wiki 04:45',
    'shop 05:30',
    'shop 06:00',
    'wiki 06:05',
  ]);
});
