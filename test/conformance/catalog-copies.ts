import { describe, expect, it } from 'vitest';
import type { Catalog, Copy } from '../../exporter/src/catalog/catalog.ts';
import { complete, type Given } from './catalog-given.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

const nobody: ReadonlySet<string> = new Set();
const stores = ['local', 'offsite'];
const made = { from: 'local', manifest: newManifest('b1'), at: noon + 5, bytes: 7144 };

async function copyOf(catalog: Catalog, store: string): Promise<Copy | undefined> {
  return (await catalog.backup('b1'))?.copies.find((copy) => copy.store === store);
}

/** A backup whose copy in `offsite` could not be written. */
async function withFailed(catalog: Catalog): Promise<void> {
  const run = newRun('r1');
  await catalog.startRun(run);
  const end = runEnd(run);
  const failed = { store: 'offsite', path: '/offsite/b1', status: 'failed', error: 'no room' } as const;
  const good = { store: 'local', path: '/backups/b1', status: 'good' } as const;
  await catalog.finishRun('r1', { ...end, backup: { manifest: newManifest('b1'), copies: [good, failed] } });
}

export function catalogCopies(given: Given): void {
  describe('copies that are read in their turn', () => {
    it('are the good ones, known since they were made, verified, read or made good, whichever was last', async () => {
      await withFailed(given.catalog);
      const { copies } = given.catalog;
      const known = async (): Promise<unknown> =>
        (await copies.good('db-prod')).map(({ store, knownAt, readAt }) => [store, knownAt, readAt]);
      expect(await known()).toEqual([['local', noon, undefined]]);
      await given.catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 1 });
      expect(await known()).toEqual([['local', noon + 1, undefined]]);
      await copies.recordRead('b1', 'local', { at: noon + 2, bytes: 7144 });
      expect(await known()).toEqual([['local', noon + 2, noon + 2]]);
      expect((await copyOf(given.catalog, 'local'))?.readAt).toBe(noon + 2);
      await copies.claim('b1', 'offsite', '/b1');
      await copies.healed('b1', 'offsite', made);
      expect(await known()).toEqual([
        ['local', noon + 2, noon + 2],
        ['offsite', noon + 5, undefined],
      ]);
      await given.catalog.recordVerification('b1', 'local', {
        status: 'failed',
        at: noon + 9,
        error: 'torn',
      });
      expect(await known()).toEqual([['offsite', noon + 5, undefined]]);
      expect((await given.catalog.eventsAfter(0, 100)).map(({ body }) => body)).toContainEqual({
        name: 'backup:read',
        backupId: 'b1',
        store: 'local',
        bytes: 7144,
      });
    });
  });

  describe('copies that are made good', () => {
    it('are those that a store has not, or not good, of backups that are good elsewhere', async () => {
      await withFailed(given.catalog);
      await complete(given.catalog, 'b2', { createdAt: noon + 1 });
      await complete(given.catalog, 'b3', { createdAt: noon + 2, schedule: 'other' });
      await complete(given.catalog, 'b4', { createdAt: noon + 3 });
      await given.catalog.recordVerification('b4', 'local', { status: 'failed', at: noon, error: 'torn' });
      const { copies } = given.catalog;
      expect(
        (await copies.lacking('db-prod', stores)).map((each) => [each.backupId, each.store, each.status]),
      ).toEqual([
        ['b2', 'offsite', 'missing'],
        ['b1', 'offsite', 'failed'],
      ]);
      expect((await copies.restorable('db-prod')).map(({ backupId }) => backupId)).toEqual(['b1', 'b2']);
      expect(await copies.lost('db-prod')).toEqual(['b4']);
      expect(await copies.lacking('db-prod', ['local'])).toEqual([]);
    });

    it('are good once they are filed, sealed as what they were made from', async () => {
      await withFailed(given.catalog);
      const { copies } = given.catalog;
      expect(await copies.claim('b1', 'offsite', '/offsite/new')).toBe(true);
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed', error: 'no room' });
      expect(await copies.healed('b1', 'offsite', made)).toBe(true);
      expect(await copyOf(given.catalog, 'offsite')).toEqual({
        store: 'offsite',
        path: '/offsite/new',
        status: 'good',
        healedAt: noon + 5,
      });
      expect((await given.catalog.totals()).bytesByStore).toEqual({ local: 7144, offsite: 7144 });
      expect((await given.catalog.totals()).copiesByKey).toEqual({ 'key-0000000000aa': 2 });
      expect((await given.catalog.eventsAfter(0, 100)).at(-1)?.body).toEqual({
        name: 'backup:healed',
        backupId: 'b1',
        store: 'offsite',
        status: 'completed',
        bytes: 7144,
      });
      expect(await copies.lacking('db-prod', stores)).toEqual([]);
      expect(await copies.abandoned(nobody)).toEqual([]);
    });

    it('take the key of what they were made from: a damaged one no longer needs its old one', async () => {
      const copy = { path: '/b1', status: 'good' } as const;
      await given.catalog.adoptBackup(newManifest('b1'), { store: 'offsite', ...copy });
      const resealed = newManifest('b1', { keyId: 'key-0000000000bb' });
      await given.catalog.adoptBackup(resealed, { store: 'local', ...copy });
      await given.catalog.recordVerification('b1', 'offsite', { status: 'failed', at: noon, error: 'torn' });
      expect(await given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(true);
      expect(await given.catalog.copies.healed('b1', 'offsite', { ...made, manifest: resealed })).toBe(true);
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'good' });
      expect((await given.catalog.totals()).copiesByKey).toMatchObject({
        'key-0000000000aa': 0,
        'key-0000000000bb': 2,
      });
      expect((await given.catalog.backup('b1'))?.keyId).toBe('key-0000000000bb');
    });

    it('are claimed by one owner, and by another once that is gone', async () => {
      await withFailed(given.catalog);
      {
        await using other = await given.open();
        expect(await other.copies.claim('b1', 'offsite', '/b1')).toBe(true);
        expect(await given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(false);
        expect(await given.catalog.copies.abandoned(nobody)).toEqual([]);
        expect(await other.copies.abandoned(new Set(['b1 offsite']))).toEqual([]);
        expect(await other.copies.abandoned(nobody)).toHaveLength(1);
      }
      expect(await given.catalog.copies.abandoned(nobody)).toEqual([{ backupId: 'b1', store: 'offsite' }]);
      expect(await given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(true);
      await given.catalog.copies.release('b1', 'offsite');
      expect(await given.catalog.copies.abandoned(nobody)).toEqual([]);
    });

    it('are on file as failed from the claim on, where there were none or they had been pruned', async () => {
      await complete(given.catalog, 'b1');
      const { copies } = given.catalog;
      expect(await copies.claim('b1', 'offsite', '/offsite/b1')).toBe(true);
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed' });
      await copies.release('b1', 'offsite', { error: 'no room', errorType: 'store', at: noon });
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed', error: 'no room' });
      await given.catalog.removeCopy('b1', 'offsite', 'not good', noon);
      expect(await copies.claim('b1', 'offsite', '/offsite/b1')).toBe(true);
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed' });
      expect(await copyOf(given.catalog, 'offsite')).not.toHaveProperty('prunedAt');
    });

    it('are not filed once a prune has marked them, or what they were made from is no longer so', async () => {
      await withFailed(given.catalog);
      const { copies } = given.catalog;
      await copies.claim('b1', 'offsite', '/b1');
      const resealed = newManifest('b1', { keyId: 'key-0000000000bb' });
      expect(await copies.healed('b1', 'offsite', { ...made, manifest: resealed })).toBe(false);
      expect(await copies.healed('b1', 'offsite', { ...made, from: 'elsewhere' })).toBe(false);
      await given.catalog.rotations.begin([{ backupId: 'b1', store: 'local', manifest: resealed }]);
      expect(await copies.healed('b1', 'offsite', made)).toBe(false);
      await given.catalog.rotations.settleCopy('b1', 'local', 'kept');
      await given.catalog.removeCopy('b1', 'offsite', 'no rule keeps it', noon);
      expect(await copies.healed('b1', 'offsite', made)).toBe(false);
      expect(await copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'pruned' });
    });

    it('are left alone by rotations meanwhile, as those that a rotation has begun with are by whoever heals', async () => {
      const copy = { path: '/b1', status: 'good' } as const;
      for (const store of stores) await given.catalog.adoptBackup(newManifest('b1'), { store, ...copy });
      await given.catalog.recordVerification('b1', 'offsite', { status: 'failed', at: noon, error: 'torn' });
      const change = { backupId: 'b1', store: 'offsite', manifest: newManifest('b1') };
      const { copies, rotations } = given.catalog;
      expect(await copies.claim('b1', 'offsite', '/b1')).toBe(true);
      expect(await rotations.begin([change])).toEqual([false]);
      await copies.release('b1', 'offsite');
      expect(await rotations.begin([change])).toEqual([true]);
      expect(await copies.claim('b1', 'offsite', '/b1')).toBe(false);
      await rotations.settleCopy('b1', 'offsite', 'kept');
      expect(await copies.claim('b1', 'local', '/b1')).toBe(false);
    });
  });
}
