import { describe, expect, it } from 'vitest';
import type { DrillEnd, NewDrill } from '../../exporter/src/catalog/drills.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { noon } from './catalog-samples.ts';

const begun: NewDrill = {
  id: 'd1',
  schedule: 'db-prod',
  backupId: 'b1',
  trigger: 'schedule',
  startedAt: noon,
  dataAgeSeconds: 3600.5,
  scratch: { folder: '/var/tmp/lowtide-drill-d1', database: 'lowtide_drill_d1' },
};
const passed: DrillEnd = {
  status: 'passed',
  finishedAt: noon + 60_000,
  restoreSeconds: 12.5,
  store: 'local',
  contents: { tables: 3, rows: 2 ** 40 },
  checks: [{ name: 'rows', status: 'passed', message: 'All there.' }],
  warnings: ['a role was not made'],
};
const failed: DrillEnd = {
  status: 'failed',
  finishedAt: noon + 70_000,
  checks: [],
  error: { code: 'drill_failed', message: 'rows: there is no table orders', hint: 'Look at it.' },
  warnings: [],
  errorType: 'restore',
};

export function catalogDrills(given: Given): void {
  describe('restore drills', () => {
    it('are kept from their beginning to their end, with events, and one that passes proves the schedule', async () => {
      await complete(given.catalog, 'b1');
      const { drills } = given.catalog;
      const from = await given.catalog.latestSequence();
      expect(await drills.start(begun)).toEqual({ ...begun, status: 'running', checks: [], warnings: [] });
      await drills.finish('d1', passed);
      await drills.start({ ...begun, id: 'd2' });
      await drills.finish('d2', failed);
      await using other = await given.open();
      expect(await other.drills.drill('d1')).toEqual({ ...begun, ...passed });
      const { errorType, ...told } = failed;
      expect(await other.drills.drill('d2')).toEqual({ ...begun, id: 'd2', ...told });
      expect((await given.catalog.eventsAfter(from, 10)).map(({ body }) => body)).toEqual([
        { name: 'drill:started', drillId: 'd1', schedule: 'db-prod', backupId: 'b1' },
        {
          ...{ name: 'drill:finished', drillId: 'd1', schedule: 'db-prod', backupId: 'b1', status: 'passed' },
          ...{ dataAgeSeconds: 3600.5, restoreSeconds: 12.5 },
        },
        { name: 'drill:started', drillId: 'd2', schedule: 'db-prod', backupId: 'b1' },
        {
          ...{ name: 'drill:finished', drillId: 'd2', schedule: 'db-prod', backupId: 'b1', status: 'failed' },
          ...{ dataAgeSeconds: 3600.5, errorType },
        },
      ]);
      expect(await given.catalog.proofs()).toMatchObject([
        { schedule: 'db-prod', restoredAt: noon + 60_000 },
      ]);
      expect(await drills.latest()).toEqual({
        'db-prod': { last: await drills.drill('d2'), passed: await drills.drill('d1') },
      });
    });

    it('end once, go on one at a time for a schedule, and are those of a backup', async () => {
      await complete(given.catalog, 'b1');
      await complete(given.catalog, 'f1', { schedule: 'files' });
      const { drills } = given.catalog;
      await drills.start(begun);
      await refuses('run_active', () => drills.start({ ...begun, id: 'd2' }));
      await drills.start({ ...begun, id: 'd3', schedule: 'files', backupId: 'f1' });
      await drills.finish('d1', passed);
      await refuses('run_ended', () => drills.finish('d1', failed));
      await refuses('not_found', () => drills.finish('d9', failed));
      await refuses('not_found', () => drills.start({ ...begun, id: 'd4', backupId: 'none' }));
    });

    it('are listed by pages, the last first, of a schedule or in a state', async () => {
      await complete(given.catalog, 'b1');
      const { drills } = given.catalog;
      for (const [id, end] of [
        ['d1', passed],
        ['d2', failed],
        ['d3', passed],
      ] as const) {
        await drills.start({ ...begun, id });
        await drills.finish(id, end);
      }
      const ids = async (filter: Partial<Parameters<typeof drills.list>[0]>): Promise<readonly string[]> =>
        (await drills.list({ limit: 10, ...filter })).map(({ id }) => id);
      expect(await ids({})).toEqual(['d3', 'd2', 'd1']);
      expect(await ids({ status: 'passed' })).toEqual(['d3', 'd1']);
      expect(await ids({ after: 'd3', limit: 1 })).toEqual(['d2']);
      expect(await ids({ schedule: 'files' })).toEqual([]);
      await refuses('not_found', () => ids({ after: 'd9' }));
      expect((await drills.latest())['db-prod']?.last.id).toBe('d3');
    });

    it('are interrupted where nobody works on them, and tell what may be left of them until that is gone', async () => {
      await complete(given.catalog, 'b1');
      await complete(given.catalog, 'f1', { schedule: 'files' });
      const gone = await given.open();
      await gone.drills.start(begun);
      const { drills } = given.catalog;
      await drills.start({ ...begun, id: 'mine', schedule: 'files', backupId: 'f1' });
      expect(await drills.interruptOrphans(new Set(['mine']), noon + 5)).toEqual([]);
      await gone[Symbol.asyncDispose]();
      // One of the dead keeps nobody from another.
      await drills.start({ ...begun, id: 'd2' });
      expect(await drills.interruptOrphans(new Set(['mine', 'd2']), noon + 5)).toMatchObject([
        { id: 'd1', status: 'interrupted', finishedAt: noon + 5, error: { code: 'interrupted' } },
      ]);
      expect((await drills.withScratch()).map(({ id }) => id)).toEqual(['d1']);
      await drills.finish('d2', failed);
      expect((await drills.withScratch()).map(({ id }) => id)).toEqual(['d1', 'd2']);
      await drills.scratchRemoved('d1');
      expect((await drills.withScratch()).map(({ id }) => id)).toEqual(['d2']);
      expect((await drills.latest())['db-prod']?.last.id).toBe('d2');
    });
  });
}
