import { describe, expect, it } from 'vitest';
import type { Catalog, Copy } from '../../exporter/src/catalog/catalog.ts';
import { complete, type Given } from './catalog-given.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

const nobody: ReadonlySet<string> = new Set();
const stores = ['local', 'offsite'];
const made = { from: 'local', manifest: newManifest('b1'), at: noon + 5, bytes: 7144 };

function copyOf(catalog: Catalog, store: string): Copy | undefined {
  return catalog.backup('b1')?.copies.find((copy) => copy.store === store);
}

/** A backup whose copy in `offsite` could not be written. */
function withFailed(catalog: Catalog): void {
  const run = newRun('r1');
  catalog.startRun(run);
  const end = runEnd(run);
  const failed = { store: 'offsite', path: '/offsite/b1', status: 'failed', error: 'no room' } as const;
  const good = { store: 'local', path: '/backups/b1', status: 'good' } as const;
  catalog.finishRun('r1', { ...end, backup: { manifest: newManifest('b1'), copies: [good, failed] } });
}

export function catalogCopies(given: Given): void {
  describe('copies that are read in their turn', () => {
    it('are the good ones, known since they were made, verified, read or made good, whichever was last', () => {
      withFailed(given.catalog);
      const { copies } = given.catalog;
      const known = (): unknown =>
        copies.good('db-prod').map(({ store, knownAt, readAt }) => [store, knownAt, readAt]);
      expect(known()).toEqual([['local', noon, undefined]]);
      given.catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 1 });
      expect(known()).toEqual([['local', noon + 1, undefined]]);
      copies.recordRead('b1', 'local', { at: noon + 2, bytes: 7144 });
      expect(known()).toEqual([['local', noon + 2, noon + 2]]);
      expect(copyOf(given.catalog, 'local')?.readAt).toBe(noon + 2);
      copies.claim('b1', 'offsite', '/b1');
      copies.healed('b1', 'offsite', made);
      expect(known()).toEqual([
        ['local', noon + 2, noon + 2],
        ['offsite', noon + 5, undefined],
      ]);
      given.catalog.recordVerification('b1', 'local', { status: 'failed', at: noon + 9, error: 'torn' });
      expect(known()).toEqual([['offsite', noon + 5, undefined]]);
      expect(given.catalog.eventsAfter(0, 100).map(({ body }) => body)).toContainEqual({
        name: 'backup:read',
        backupId: 'b1',
        store: 'local',
        bytes: 7144,
      });
    });
  });

  describe('copies that are made good', () => {
    it('are those that a store has not, or not good, of backups that are good elsewhere', () => {
      withFailed(given.catalog);
      complete(given.catalog, 'b2', { createdAt: noon + 1 });
      complete(given.catalog, 'b3', { createdAt: noon + 2, schedule: 'other' });
      complete(given.catalog, 'b4', { createdAt: noon + 3 });
      given.catalog.recordVerification('b4', 'local', { status: 'failed', at: noon, error: 'torn' });
      const { copies } = given.catalog;
      expect(
        copies.lacking('db-prod', stores).map((each) => [each.backupId, each.store, each.status]),
      ).toEqual([
        ['b2', 'offsite', 'missing'],
        ['b1', 'offsite', 'failed'],
      ]);
      expect(copies.restorable('db-prod').map(({ backupId }) => backupId)).toEqual(['b1', 'b2']);
      expect(copies.lost('db-prod')).toEqual(['b4']);
      expect(copies.lacking('db-prod', ['local'])).toEqual([]);
    });

    it('are good once they are filed, sealed as what they were made from', () => {
      withFailed(given.catalog);
      const { copies } = given.catalog;
      expect(copies.claim('b1', 'offsite', '/offsite/new')).toBe(true);
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed', error: 'no room' });
      expect(copies.healed('b1', 'offsite', made)).toBe(true);
      expect(copyOf(given.catalog, 'offsite')).toEqual({
        store: 'offsite',
        path: '/offsite/new',
        status: 'good',
        healedAt: noon + 5,
      });
      expect(given.catalog.totals().bytesByStore).toEqual({ local: 7144, offsite: 7144 });
      expect(given.catalog.totals().copiesByKey).toEqual({ 'key-0000000000aa': 2 });
      expect(given.catalog.eventsAfter(0, 100).at(-1)?.body).toEqual({
        name: 'backup:healed',
        backupId: 'b1',
        store: 'offsite',
        status: 'completed',
        bytes: 7144,
      });
      expect(copies.lacking('db-prod', stores)).toEqual([]);
      expect(copies.abandoned(nobody)).toEqual([]);
    });

    it('take the key of what they were made from: a damaged one no longer needs its old one', () => {
      const copy = { path: '/b1', status: 'good' } as const;
      given.catalog.adoptBackup(newManifest('b1'), { store: 'offsite', ...copy });
      const resealed = newManifest('b1', { keyId: 'key-0000000000bb' });
      given.catalog.adoptBackup(resealed, { store: 'local', ...copy });
      given.catalog.recordVerification('b1', 'offsite', { status: 'failed', at: noon, error: 'torn' });
      expect(given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(true);
      expect(given.catalog.copies.healed('b1', 'offsite', { ...made, manifest: resealed })).toBe(true);
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'good' });
      expect(given.catalog.totals().copiesByKey).toMatchObject({
        'key-0000000000aa': 0,
        'key-0000000000bb': 2,
      });
      expect(given.catalog.backup('b1')?.keyId).toBe('key-0000000000bb');
    });

    it('are claimed by one owner, and by another once that is gone', () => {
      withFailed(given.catalog);
      {
        using other = given.open();
        expect(other.copies.claim('b1', 'offsite', '/b1')).toBe(true);
        expect(given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(false);
        expect(given.catalog.copies.abandoned(nobody)).toEqual([]);
        expect(other.copies.abandoned(new Set(['b1 offsite']))).toEqual([]);
        expect(other.copies.abandoned(nobody)).toHaveLength(1);
      }
      expect(given.catalog.copies.abandoned(nobody)).toEqual([{ backupId: 'b1', store: 'offsite' }]);
      expect(given.catalog.copies.claim('b1', 'offsite', '/b1')).toBe(true);
      given.catalog.copies.release('b1', 'offsite');
      expect(given.catalog.copies.abandoned(nobody)).toEqual([]);
    });

    it('are on file as failed from the claim on, where there were none or they had been pruned', () => {
      complete(given.catalog, 'b1');
      const { copies } = given.catalog;
      expect(copies.claim('b1', 'offsite', '/offsite/b1')).toBe(true);
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed' });
      copies.release('b1', 'offsite', { error: 'no room', errorType: 'store', at: noon });
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed', error: 'no room' });
      given.catalog.removeCopy('b1', 'offsite', 'not good', noon);
      expect(copies.claim('b1', 'offsite', '/offsite/b1')).toBe(true);
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'failed' });
      expect(copyOf(given.catalog, 'offsite')).not.toHaveProperty('prunedAt');
    });

    it('are not filed once a prune has marked them, or what they were made from is no longer so', () => {
      withFailed(given.catalog);
      const { copies } = given.catalog;
      copies.claim('b1', 'offsite', '/b1');
      const resealed = newManifest('b1', { keyId: 'key-0000000000bb' });
      expect(copies.healed('b1', 'offsite', { ...made, manifest: resealed })).toBe(false);
      expect(copies.healed('b1', 'offsite', { ...made, from: 'elsewhere' })).toBe(false);
      given.catalog.rotations.begin([{ backupId: 'b1', store: 'local', manifest: resealed }]);
      expect(copies.healed('b1', 'offsite', made)).toBe(false);
      given.catalog.rotations.settleCopy('b1', 'local', 'kept');
      given.catalog.removeCopy('b1', 'offsite', 'no rule keeps it', noon);
      expect(copies.healed('b1', 'offsite', made)).toBe(false);
      expect(copyOf(given.catalog, 'offsite')).toMatchObject({ status: 'pruned' });
    });

    it('are left alone by rotations meanwhile, as those that a rotation has begun with are by whoever heals', () => {
      const copy = { path: '/b1', status: 'good' } as const;
      for (const store of stores) given.catalog.adoptBackup(newManifest('b1'), { store, ...copy });
      given.catalog.recordVerification('b1', 'offsite', { status: 'failed', at: noon, error: 'torn' });
      const change = { backupId: 'b1', store: 'offsite', manifest: newManifest('b1') };
      const { copies, rotations } = given.catalog;
      expect(copies.claim('b1', 'offsite', '/b1')).toBe(true);
      expect(rotations.begin([change])).toEqual([false]);
      copies.release('b1', 'offsite');
      expect(rotations.begin([change])).toEqual([true]);
      expect(copies.claim('b1', 'offsite', '/b1')).toBe(false);
      rotations.settleCopy('b1', 'offsite', 'kept');
      expect(copies.claim('b1', 'local', '/b1')).toBe(false);
    });
  });
}
