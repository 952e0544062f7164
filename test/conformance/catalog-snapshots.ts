import { describe, expect, it } from 'vitest';
import type { SnapshotManifest } from '../../exporter/src/store/manifest.ts';
import { toRfc3339 } from '../../exporter/src/units/instant.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { newRun, noon, runEnd } from './catalog-samples.ts';

export function catalogSnapshots(given: Given): void {
  /** A run that completes with a backup that another tool keeps. */
  async function keep(id: string, createdAt = noon): Promise<void> {
    const run = newRun(`run-of-${id}`, { schedule: 'home', type: 'files', startedAt: createdAt, stores: [] });
    const manifest: SnapshotManifest = {
      id,
      instance: 'db-host-1',
      schedule: 'home',
      type: 'files',
      runId: run.id,
      startedAt: toRfc3339(createdAt - 60_000),
      createdAt: toRfc3339(createdAt),
      tools: { restic: 'restic 0.14.0' },
      warnings: [],
      source: { type: 'restic', label: '/home' },
      snapshot: {
        repository: '/srv/restic',
        id: `snap-${id}`,
        sizeBytes: 9000,
        addedBytes: 70,
        restoreBy: 'restic restore',
      },
    };
    await given.catalog.startRun(run);
    await given.catalog.finishRun(run.id, { ...runEnd(run), backup: { manifest } });
  }

  describe('snapshots of other tools', () => {
    it('are listed among the backups, count as their one copy, and belong to no store and no key', async () => {
      await complete(given.catalog, 'b1');
      const before = await given.catalog.totals();
      await keep('s1', noon + 1);
      expect((await given.catalog.backups({ limit: 9 })).map(({ id }) => id)).toEqual(['s1', 'b1']);
      expect(await given.catalog.backup('s1')).toMatchObject({
        ...{ sizeBytes: 9000, storedBytes: 70, keyId: '', copies: [] },
        snapshot: { status: 'good' },
      });
      expect(await given.catalog.run('run-of-s1')).toMatchObject({
        backupId: 's1',
        sizeBytes: 9000,
        storedBytes: 70,
      });
      expect(await given.catalog.proofs()).toMatchObject([{}, { newest: { id: 's1', goodCopies: 1 } }]);
      const { bytesByType, lastSuccessBySchedule, successRateByType, ...rest } = await given.catalog.totals();
      expect(bytesByType).toEqual({ ...before.bytesByType, files: 70 });
      expect(lastSuccessBySchedule).toHaveProperty('home');
      expect(successRateByType).toHaveProperty('files', 1);
      expect(rest).toMatchObject({
        bytesByStore: before.bytesByStore,
        backupsByKey: before.backupsByKey,
        copiesByKey: before.copiesByKey,
      });
    });

    it('are not copies that could be made good, or were lost', async () => {
      await keep('s1');
      const { copies, snapshots } = given.catalog;
      await snapshots.recordCheck('s1', { status: 'failed', at: noon, error: 'cut' });
      expect(await copies.lacking('home', ['local'])).toEqual([]);
      expect(await copies.restorable('home')).toEqual([]);
      expect(await copies.lost('home')).toEqual([]);
    });

    it('are all found damaged, or sound, by one check of their repository', async () => {
      for (const [index, id] of ['s1', 's2', 's3'].entries()) await keep(id, noon + index);
      const { snapshots } = given.catalog;
      await snapshots.remove('s1', 'no rule keeps it', noon + 10);
      const sequence = await given.catalog.latestSequence();
      await snapshots.recordCheck('s3', { status: 'failed', at: noon + 20, error: 'pack is gone' });
      expect(
        (await snapshots.present('home')).map(({ backupId, isDamaged }) => [backupId, isDamaged]),
      ).toEqual([
        ['s3', true],
        ['s2', true],
      ]);
      expect((await given.catalog.backup('s2'))?.snapshot).toEqual({
        status: 'damaged',
        error: 'pack is gone',
        verifiedAt: noon + 20,
      });
      expect((await given.catalog.totals()).bytesByType).toEqual({ files: 0 });
      expect((await given.catalog.proofs())[0]).not.toHaveProperty('verifiedAt');
      await snapshots.recordCheck('s3', { status: 'passed', at: noon + 30 });
      expect((await given.catalog.backup('s2'))?.snapshot).toEqual({ status: 'good', verifiedAt: noon + 30 });
      expect((await given.catalog.backup('s1'))?.snapshot?.status).toBe('pruned');
      expect((await given.catalog.totals()).bytesByType).toEqual({ files: 140 });
      expect(await given.catalog.proofs()).toMatchObject([{ verifiedAt: noon + 30 }]);
      expect((await given.catalog.eventsAfter(sequence, 9)).map(({ body }) => body)).toEqual([
        { name: 'backup:verified', backupId: 's3', status: 'failed' },
        { name: 'backup:verified', backupId: 's3', status: 'passed' },
      ]);
      await refuses('not_found', () => snapshots.recordCheck('s9', { status: 'passed', at: noon }));
    });

    it('are pruned once, with the reason', async () => {
      await keep('s1');
      const { snapshots } = given.catalog;
      const sequence = await given.catalog.latestSequence();
      for (const at of [noon + 5, noon + 6]) await snapshots.remove('s1', 'no rule keeps it', at);
      expect(await given.catalog.backup('s1')).toMatchObject({
        status: 'pruned',
        snapshot: { status: 'pruned', prunedAt: noon + 5, pruneReason: 'no rule keeps it' },
      });
      expect(await snapshots.present('home')).toEqual([]);
      expect((await given.catalog.totals()).bytesByType).toEqual({ files: 0 });
      expect(await given.catalog.eventsAfter(sequence, 9)).toHaveLength(1);
      await complete(given.catalog, 'b1');
      await refuses('not_found', () => snapshots.remove('b1', 'it lies in stores', noon));
    });

    it('have their room given back, which is on file with the schedule', async () => {
      const { snapshots } = given.catalog;
      expect(await snapshots.reclaimedAt('home')).toBeUndefined();
      await snapshots.setReclaimed('home', noon);
      await keep('s1');
      await snapshots.setReclaimed('home', noon + 9);
      expect(await snapshots.reclaimedAt('home')).toBe(noon + 9);
    });
  });
}
