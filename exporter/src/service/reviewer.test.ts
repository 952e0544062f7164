import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newManifest, newRun, runEnd } from '../../../test/conformance/catalog-samples.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import { ManualClock } from '../clock/manual.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { scheduleSchema } from '../config/schedule-schema.ts';
import { Reviewer } from './reviewer.ts';

const minute = 60_000;
const hour = 60 * minute;
const midnight = Date.parse('2026-03-10T00:00:00Z');

/** Every night between one and five, at the latest an hour later. */
const nightly: ScheduleConfig = {
  ...scheduleSchema.parse({
    id: 'db-prod',
    source: { type: 'sqlite', path: '/srv/app.db' },
    every: '1d',
    window: '01:00-05:00',
    timezone: 'UTC',
    max_delay: '1h',
    stores: ['local'],
  }),
  timezone: 'UTC',
  estimated_duration: 30 * minute,
};

let folder: string;
let catalog: Catalog;
let clock: ManualClock;
let unusual: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-review-'));
  catalog = openSqliteCatalog(folder);
  clock = new ManualClock(midnight);
  unusual = [];
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function reviewer(schedules = [nightly]): Reviewer {
  return new Reviewer({
    catalog,
    clock,
    schedules: () => schedules,
    highWater: () => ({ cpu: 0.75, memory: 0.9, disk: 0.8 }),
    onUnusual: (run, { figure }) => unusual.push(`${run.id} ${figure}`),
    onError: (error) => {
      throw error;
    },
  });
}

/** The load of each hour from midnight on, on record up to now. */
async function measured(hours: readonly number[]): Promise<void> {
  const records = hours.flatMap((cpu, index) =>
    Array.from({ length: 12 }, (_, step) => ({
      at: midnight + index * hour + step * 5 * minute,
      cpu,
      memory: NaN,
      disk: NaN,
    })),
  );
  await catalog.load.record(
    records.filter(({ at }) => at + 5 * minute <= clock.now()),
    'coarse',
  );
}

interface Sample {
  readonly startedAt: number;
  readonly minutes: number;
  readonly dueAt?: number;
  readonly sizeBytes?: number;
}

async function ran(
  id: string,
  { startedAt, minutes, dueAt, sizeBytes = 50 * 2 ** 20 }: Sample,
): Promise<void> {
  const run = newRun(id, { startedAt, ...(dueAt !== undefined && { dueAt }) });
  const manifest = newManifest(`b-${id}`);
  const [part] = manifest.parts;
  await catalog.startRun(run);
  await catalog.finishRun(
    id,
    runEnd(run, {
      finishedAt: startedAt + minutes * minute,
      manifest: { ...manifest, parts: [{ ...part, sizeBytes }] },
    }),
  );
}

const load = [0.5, 0.4, 0.9, 0.1, 0.3, 0.2, 0.2];
const reviewOf = async (id: string) => (await catalog.reviews.of([id])).get(id);

describe('a review', () => {
  it('tells what a run met once that is on record, and what it could have met once its window is over', async () => {
    const looking = reviewer();
    const dueAt = midnight + hour;
    await ran('r1', { startedAt: dueAt + 10 * minute, minutes: 30, dueAt });
    const lookAt = async (at: number): Promise<void> => {
      clock.set(at);
      await measured(load);
      await looking.look(at);
    };
    await looking.look(midnight + 1.7 * hour);
    expect(await reviewOf('r1')).toEqual({ unusual: [], isFinal: false });
    await lookAt(midnight + 2 * hour);
    expect(await reviewOf('r1')).toMatchObject({
      load: { load: expect.closeTo(0.4, 6) as number },
      isFinal: false,
    });
    expect((await catalog.reviews.latest())['db-prod']?.best).toBeCloseTo(0.4, 6);
    expect((await catalog.reviews.latest())['db-prod']?.fixed).toBeUndefined();
    // The last start is at five, and such a run ends half an hour later.
    await lookAt(midnight + 5.5 * hour);
    await reviewer().look(midnight + 5.5 * hour);
    expect((await reviewOf('r1'))?.isFinal).toBe(false);
    await lookAt(midnight + 5.6 * hour);
    expect(await reviewOf('r1')).toEqual({
      unusual: [],
      isFinal: true,
      load: {
        load: expect.closeTo(0.4, 6) as number,
        metPeak: false,
        best: { start: midnight + 3 * hour, load: expect.closeTo(0.1, 6) as number },
        fixed: { start: midnight + 2 * hour, load: expect.closeTo(0.9, 6) as number, metPeak: true },
      },
    });
  });

  it('goes on after a restart', async () => {
    await ran('r1', { startedAt: midnight + hour, minutes: 30, dueAt: midnight + hour });
    clock.set(midnight + 2 * hour);
    await measured(load);
    await reviewer().look(clock.now());
    await catalog[Symbol.asyncDispose]();
    catalog = openSqliteCatalog(folder);
    expect((await catalog.reviews.latest())['db-prod']?.load).toBeCloseTo(0.4, 6);
    clock.set(midnight + 7 * hour);
    await measured(load);
    const events = await catalog.latestSequence();
    await reviewer().look(clock.now());
    expect(await reviewOf('r1')).toMatchObject({
      isFinal: true,
      load: { best: { start: midnight + 3 * hour } },
    });
    expect(await catalog.latestSequence()).toBe(events + 1);
    await reviewer().look(clock.now());
    expect(await catalog.latestSequence()).toBe(events + 1);
  });

  it('of a run by hand, or of a schedule that is gone, tells what was met alone', async () => {
    await ran('by-hand', { startedAt: midnight + hour, minutes: 30 });
    await ran('gone', { startedAt: midnight + 3 * hour, minutes: 30, dueAt: midnight + hour });
    clock.set(midnight + 4 * hour);
    await measured(load);
    await reviewer([]).look(clock.now());
    for (const id of ['by-hand', 'gone']) {
      expect((await reviewOf(id))?.isFinal).toBe(true);
      expect(Object.keys((await reviewOf(id))?.load ?? {})).toEqual(['load', 'metPeak']);
    }
  });

  it('waits for records that come late, and ends without them', async () => {
    const looking = reviewer();
    await ran('r1', { startedAt: midnight + hour, minutes: 30, dueAt: midnight + hour });
    for (const hours of [2, 7, 20, 25]) await looking.look(midnight + hours * hour);
    expect(await reviewOf('r1')).toEqual({ unusual: [], isFinal: false });
    await looking.look(midnight + 48 * hour);
    expect(await reviewOf('r1')).toEqual({ unusual: [], isFinal: true });
  });

  it('says once, and at once, what is unusual', async () => {
    const looking = reviewer();
    for (let index = 0; index < 5; index += 1) {
      await ran(`r${index}`, { startedAt: midnight - (10 - index) * hour, minutes: 30 });
    }
    await ran('long', { startedAt: midnight - 4 * hour, minutes: 50 });
    await ran('empty', { startedAt: midnight - 2 * hour, minutes: 28, sizeBytes: 0 });
    await ran('as-ever', { startedAt: midnight - hour, minutes: 40, sizeBytes: 60 * 2 ** 20 });
    await looking.look(midnight);
    expect(unusual).toEqual(['long duration', 'empty size']);
    expect((await reviewOf('long'))?.unusual).toEqual([
      {
        figure: 'duration',
        value: 3000,
        low: expect.closeTo(1200, 3) as number,
        high: expect.closeTo(2700, 3) as number,
      },
    ]);
    await looking.look(midnight + hour);
    await reviewer().look(midnight + 2 * hour);
    expect(unusual).toHaveLength(2);
    const told = (await catalog.eventsAfter(0, 100)).filter(({ body }) => body.name === 'run:unusual');
    expect(told).toHaveLength(2);
  });

  it('does not count against a run that it was stopped for a busy host', async () => {
    for (let index = 0; index < 5; index += 1) {
      await ran(`r${index}`, { startedAt: midnight - (10 - index) * hour, minutes: 30 });
    }
    const run = newRun('paused', { startedAt: midnight - 2 * hour });
    await catalog.startRun(run);
    await catalog.finishRun('paused', runEnd(run, { finishedAt: midnight - hour, pausedSeconds: 1500 }));
    await reviewer().look(midnight);
    expect(unusual).toEqual([]);
  });

  it('takes its time with many at once', async () => {
    for (let index = 0; index < 25; index += 1) {
      await ran(`r${index}`, { startedAt: midnight - (30 - index) * hour, minutes: 3 });
    }
    const looking = reviewer();
    expect(await looking.look(midnight)).toBe(5);
    expect(await looking.look(midnight)).toBe(0);
    expect(await reviewOf('r24')).toBeDefined();
  });
});
