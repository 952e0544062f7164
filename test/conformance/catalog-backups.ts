import { describe, expect, it } from 'vitest';
import type { Catalog, NewCopy } from '../../exporter/src/catalog/catalog.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

export function catalogBackups(given: Given): void {
  describe('backups', () => {
    it('lists them newest first, by id where two are of the same moment', async () => {
      await complete(given.catalog, 'b1', { createdAt: noon });
      await complete(given.catalog, 'b3', { createdAt: noon + 1 });
      await complete(given.catalog, 'b2', { createdAt: noon + 1, schedule: 'files', type: 'files' });
      await complete(given.catalog, 'b0', { createdAt: noon - 1, schedule: 'files', type: 'files' });
      await given.catalog.removeCopy('b0', 'local', 'daily: 7 are kept', noon);
      const ids = async (filter: Partial<Parameters<Catalog['backups']>[0]>): Promise<string[]> =>
        (await given.catalog.backups({ limit: 10, ...filter })).map((backup) => backup.id);
      expect(await ids({})).toEqual(['b3', 'b2', 'b1', 'b0']);
      expect(await ids({ schedule: 'files' })).toEqual(['b2', 'b0']);
      expect(await ids({ status: 'completed' })).toEqual(['b3', 'b2', 'b1']);
      expect(await ids({ schedule: 'files', status: 'pruned' })).toEqual(['b0']);
      expect(await ids({ limit: 1 })).toEqual(['b3']);
      expect(await ids({ after: 'b3' })).toEqual(['b2', 'b1', 'b0']);
      expect(await ids({ after: 'b2', schedule: 'files' })).toEqual(['b0']);
      await refuses('not_found', () => ids({ after: 'nobody' }));
      await refuses('usage', () => ids({ limit: 1.5 }));
    });

    it('adopts a found backup once, and a second store as a second copy of it', async () => {
      const manifest = newManifest('b1');
      const local = { store: 'local', path: '/backups/b1', status: 'good' } as const;
      const offsite = { store: 'offsite', path: 's3://b1', status: 'damaged', error: 'gone' } as const;
      await given.catalog.adoptBackup(manifest, local);
      await given.catalog.adoptBackup(manifest, offsite);
      const once = await given.catalog.backup('b1');
      const totals = await given.catalog.totals();
      expect(once).toMatchObject({ status: 'completed', copies: [local, offsite] });
      await given.catalog.adoptBackup(manifest, local);
      await given.catalog.adoptBackup(manifest, offsite);
      expect(await given.catalog.backup('b1')).toEqual(once);
      expect(await given.catalog.totals()).toEqual(totals);
      expect(totals.lastSuccessBySchedule).toEqual({ 'db-prod': noon });
    });

    it('takes over a new sealing of the same content, and refuses other content under a known id', async () => {
      const copy = { store: 'local', path: '/backups/b1', status: 'good' } as const;
      await given.catalog.adoptBackup(newManifest('b1'), copy);
      const resealed = newManifest('b1', { keyId: 'key-0000000000bb', payloadBytes: 4000 });
      await given.catalog.adoptBackup(resealed, copy);
      expect(await given.catalog.backup('b1')).toMatchObject({
        keyId: 'key-0000000000bb',
        storedBytes: 8096,
      });
      expect(await given.catalog.totals()).toMatchObject({
        bytesByStore: { local: 8096 },
        bytesByType: { database: 8096 },
        backupsByKey: { 'key-0000000000aa': 0, 'key-0000000000bb': 1 },
        bytesByKey: { 'key-0000000000aa': 0, 'key-0000000000bb': 8096 },
      });
      await refuses('manifest_invalid', () =>
        given.catalog.adoptBackup(newManifest('b1', { content: 'f'.repeat(64) }), copy),
      );
      expect((await given.catalog.backup('b1'))?.manifest).toEqual(resealed);
    });

    it('files many that were found at once, and all but those that are refused', async () => {
      const copy = { store: 'local', path: '/backups/some', status: 'good' } as const;
      const other = newManifest('b1', { content: 'f'.repeat(64) });
      const outcomes = await given.catalog.adoptBackups(
        [newManifest('b1'), other, newManifest('b2')].map((manifest) => ({ manifest, copy })),
      );
      expect(outcomes.map((refused) => refused?.code)).toEqual([undefined, 'manifest_invalid', undefined]);
      expect((await given.catalog.backup('b1'))?.manifest).toEqual(newManifest('b1'));
      expect((await given.catalog.backups({ limit: 5 })).map(({ id }) => id)).toEqual(['b2', 'b1']);
    });

    it('finishes a run whose backup a rebuild has filed meanwhile', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      const manifest = newManifest('b1');
      await given.catalog.adoptBackup(manifest, { store: 'local', path: '/backups/b1', status: 'good' });
      expect((await given.catalog.finishRun('r1', runEnd(run, { manifest }))).backupId).toBe('b1');
      expect((await given.catalog.backup('b1'))?.copies).toHaveLength(1);
      expect((await given.catalog.totals()).bytesByStore).toEqual({ local: 7144 });
    });

    it('marks a copy damaged that fails its verification, and good again when it passes', async () => {
      await complete(given.catalog, 'b1');
      const failed = { status: 'failed', at: noon + 1, error: 'chunk 3 does not open' } as const;
      await given.catalog.recordVerification('b1', 'local', failed);
      expect((await given.catalog.backup('b1'))?.copies[0]).toMatchObject({
        status: 'damaged',
        error: 'chunk 3 does not open',
        verifiedAt: noon + 1,
      });
      await given.catalog.adoptBackup(newManifest('b1'), {
        store: 'local',
        path: '/backups/b1',
        status: 'good',
      });
      expect((await given.catalog.backup('b1'))?.copies[0]).toMatchObject({
        status: 'damaged',
        error: failed.error,
      });
      expect((await given.catalog.totals()).bytesByStore).toEqual({ local: 0 });
      await given.catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 2 });
      expect((await given.catalog.backup('b1'))?.copies[0]).toEqual({
        store: 'local',
        path: '/backups/b1',
        status: 'good',
        verifiedAt: noon + 2,
      });
      expect((await given.catalog.totals()).bytesByStore).toEqual({ local: 7144 });
      expect((await given.catalog.eventsAfter(2, 10)).map((event) => event.body)).toEqual([
        { name: 'backup:verified', backupId: 'b1', status: 'failed' },
        { name: 'backup:verified', backupId: 'b1', status: 'passed' },
      ]);
    });

    it('does not bring a pruned copy back by a verification that ends late', async () => {
      await complete(given.catalog, 'b1');
      await given.catalog.removeCopy('b1', 'local', 'expired', noon);
      await given.catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 1 });
      expect(await given.catalog.backup('b1')).toMatchObject({
        status: 'pruned',
        copies: [{ status: 'pruned' }],
      });
    });

    it('is pruned when its last copy goes, and says why; doing so again changes nothing', async () => {
      const run = await given.catalog.startRun(newRun('r1'));
      const copies: NewCopy[] = [
        { store: 'local', path: '/backups/b1', status: 'good' },
        { store: 'offsite', path: 's3://b1', status: 'good' },
        { store: 'blob', path: 'azure://b1', status: 'failed', error: 'denied' },
      ];
      await given.catalog.finishRun('r1', runEnd(run, { backup: { manifest: newManifest('b1'), copies } }));
      await given.catalog.removeCopy('b1', 'local', 'store is full', noon + 1);
      expect(await given.catalog.backup('b1')).toMatchObject({
        status: 'completed',
        copies: [{ status: 'pruned' }, {}, {}],
      });
      expect(await given.catalog.eventsAfter(2, 10)).toEqual([]);
      await given.catalog.removeCopy('b1', 'offsite', 'older than 30d', noon + 2);
      const pruned = await given.catalog.backup('b1');
      expect(pruned?.status).toBe('pruned');
      expect(pruned?.copies[1]).toEqual({
        store: 'offsite',
        path: 's3://b1',
        status: 'pruned',
        prunedAt: noon + 2,
        pruneReason: 'older than 30d',
      });
      await given.catalog.removeCopy('b1', 'offsite', 'again', noon + 3);
      expect(await given.catalog.backup('b1')).toEqual(pruned);
      expect(await given.catalog.eventsAfter(2, 10)).toEqual([
        {
          sequence: 3,
          at: noon + 2,
          body: { name: 'backup:pruned', backupId: 'b1', reason: 'older than 30d' },
        },
      ]);
    });

    it('comes back when a rebuild finds a pruned copy lying in its store after all', async () => {
      await complete(given.catalog, 'b1');
      await given.catalog.removeCopy('b1', 'local', 'expired', noon);
      const found = { store: 'local', path: '/backups/b1', status: 'good' } as const;
      await given.catalog.adoptBackup(newManifest('b1'), found);
      expect(await given.catalog.backup('b1')).toMatchObject({ status: 'completed' });
      expect((await given.catalog.backup('b1'))?.copies).toEqual([found]);
    });

    it('records a restore as an event', async () => {
      await complete(given.catalog, 'b1');
      await given.catalog.recordRestore('b1', 'completed', noon + 7);
      expect(await given.catalog.eventsAfter(2, 10)).toEqual([
        {
          sequence: 3,
          at: noon + 7,
          body: { name: 'backup:restored', backupId: 'b1', status: 'completed' },
        },
      ]);
    });

    it('refuses what is about a backup or a copy it does not know, and records nothing', async () => {
      await complete(given.catalog, 'b1');
      await refuses('not_found', () => given.catalog.recordRestore('nobody', 'failed', noon));
      await refuses('not_found', () => given.catalog.removeCopy('b1', 'nowhere', 'expired', noon));
      await refuses('not_found', () => given.catalog.removeCopy('nobody', 'local', 'expired', noon));
      await refuses('not_found', () =>
        given.catalog.recordVerification('b1', 'nowhere', { status: 'passed', at: noon }),
      );
      expect(await given.catalog.backup('nobody')).toBeUndefined();
      expect(await given.catalog.eventsAfter(0, 10)).toHaveLength(2);
    });
  });
}
