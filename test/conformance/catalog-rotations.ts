import { describe, expect, it } from 'vitest';
import type { NewCopy } from '../../exporter/src/catalog/catalog.ts';
import type { NewRotation, RotationBackupEnd } from '../../exporter/src/catalog/rotations.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

const oldKey = 'key-0000000000aa';
const newKey = 'key-0000000000bb';
const resealed = (id: string): ReturnType<typeof newManifest> => newManifest(id, { keyId: newKey });

function newRotation(more: Partial<NewRotation> = {}): NewRotation {
  return { id: 'o1', mode: 'rewrap', trigger: 'manual', startedAt: noon, backups: [], ...more };
}

const done = (backupId: string, ...stores: string[]): RotationBackupEnd => ({
  backupId,
  status: 'done',
  bytes: 7144 * stores.length,
  copies: stores.map((store) => ({ store, outcome: 'resealed' })),
});

export function catalogRotations(given: Given): void {
  /** A backup with good copies in these stores. */
  const backUp = (id: string, ...stores: string[]): void => {
    const run = given.catalog.startRun(newRun(`run-of-${id}`));
    const copies = stores.map((store): NewCopy => ({ store, path: `/${store}/${id}`, status: 'good' }));
    given.catalog.finishRun(run.id, runEnd(run, { backup: { manifest: newManifest(id), copies } }));
  };
  const newEvents = (after: number): unknown[] =>
    given.catalog.eventsAfter(after, 100).map((event) => event.body);

  describe('rotations', () => {
    it('keeps how quickly one may go, also when it is resumed', () => {
      const { rotations } = given.catalog;
      const pace = { atLowTide: true, bytesPerSecond: 2 ** 20 };
      expect(rotations.start(newRotation(pace))).toMatchObject(pace);
      rotations.finish('o1', { status: 'cancelled', at: noon + 1 });
      expect(rotations.resume('o1', noon + 2)).toMatchObject(pace);
    });

    it('records one from its beginning to its end, with all that becomes of its backups', () => {
      for (const id of ['b1', 'b2', 'b3', 'b4']) complete(given.catalog, id);
      const { rotations } = given.catalog;
      const backups = ['b1', 'b2', 'b3'].map((backupId) => ({ backupId, bytes: 7144 }));
      const started = rotations.start(
        newRotation({
          by: 'ann',
          daysBack: 90,
          backups: [...backups, { backupId: 'b4', bytes: 9, skipped: 'older than 90 days' }],
        }),
      );
      expect(started).toEqual({
        id: 'o1',
        mode: 'rewrap',
        trigger: 'manual',
        by: 'ann',
        daysBack: 90,
        startedAt: noon,
        status: 'running',
        cancelRequested: false,
        pending: { backups: 3, bytes: 3 * 7144 },
        done: { backups: 0, bytes: 0 },
        skipped: { backups: 1, bytes: 9 },
        failed: { backups: 0, bytes: 0 },
      });
      expect(given.catalog.totals().rotationProgress).toBe(0.25);
      rotations.leaveOut('o1', { backups: 7, bytes: 70 });
      rotations.leaveOut('o1', { backups: 4, bytes: 40 });
      expect(rotations.rotation('o1')?.skipped).toEqual({ backups: 5, bytes: 49 });
      expect(given.catalog.totals().rotationProgress).toBe(5 / 8);
      rotations.leaveOut('o1', { backups: 0, bytes: 0 });
      rotations.setKey('o1', newKey);
      const changes = ['b1', 'b2'].map((backupId) => ({
        backupId,
        store: 'local',
        manifest: resealed(backupId),
      }));
      expect(rotations.begin(changes)).toEqual([true, true]);
      expect(rotations.unsettled()).toEqual(changes);
      expect(given.catalog.backup('b1')).toMatchObject({ keyId: oldKey, copies: [{ next: resealed('b1') }] });
      const failed: RotationBackupEnd = {
        backupId: 'b2',
        status: 'failed',
        reason: 'the disk refused',
        bytes: 0,
        copies: [{ store: 'local', outcome: 'kept' }],
      };
      rotations.settle('o1', [done('b1', 'local'), failed], noon + 1);
      expect(rotations.unsettled()).toEqual([]);
      expect(given.catalog.backup('b1')).toMatchObject({ keyId: newKey, manifest: resealed('b1') });
      expect(given.catalog.backup('b1')?.copies).toEqual([
        { store: 'local', path: '/backups/b1', status: 'good' },
      ]);
      expect(given.catalog.backup('b2')).toMatchObject({ keyId: oldKey, manifest: newManifest('b2') });
      expect(rotations.backups('o1', { limit: 10 })).toEqual([
        { number: 0, backupId: 'b1', bytes: 7144, status: 'done' },
        { number: 1, backupId: 'b2', bytes: 7144, status: 'failed', reason: 'the disk refused' },
        { number: 2, backupId: 'b3', bytes: 7144, status: 'pending' },
        { number: 3, backupId: 'b4', bytes: 9, status: 'skipped', reason: 'older than 90 days' },
      ]);
      expect(rotations.backups('o1', { status: 'pending', after: 1, limit: 1 })).toHaveLength(1);
      expect(rotations.backups('o1', { status: 'done', after: 0, limit: 1 })).toEqual([]);
      const error = { code: 'store_full', message: 'no room' };
      const ended = rotations.finish('o1', { status: 'failed', at: noon + 2, error });
      expect(ended).toMatchObject({ status: 'failed', finishedAt: noon + 2, error, keyId: newKey });
      expect(rotations.list({ limit: 10 })).toEqual([ended]);
      expect(newEvents(8)).toEqual([
        { name: 'rotation:started', rotationId: 'o1', mode: 'rewrap', trigger: 'manual', by: 'ann' },
        {
          name: 'rotation:backups',
          rotationId: 'o1',
          mode: 'rewrap',
          done: 1,
          skipped: 0,
          failed: 1,
          bytes: 7144,
        },
        {
          name: 'rotation:finished',
          rotationId: 'o1',
          mode: 'rewrap',
          status: 'failed',
          done: 1,
          skipped: 1,
          failed: 1,
        },
      ]);

      const resumed = rotations.resume('o1', noon + 3);
      expect(resumed).toMatchObject({ status: 'running', pending: { backups: 2 }, failed: { backups: 0 } });
      expect(resumed).not.toHaveProperty('error');
      expect(resumed).not.toHaveProperty('finishedAt');
      rotations.settle(
        'o1',
        [
          { ...failed, status: 'done' },
          { ...failed, backupId: 'b3', status: 'done' },
        ],
        noon,
      );
      rotations.finish('o1', { status: 'completed', at: noon + 4 });
      expect(given.catalog.totals().rotationProgress).toBe(1);
      refuses('rotation_ended', () => rotations.resume('o1', noon));
      refuses('rotation_ended', () => rotations.requestCancel('o1'));
    });

    it('lets at most one go on, whoever asks, until it has ended or its owner is gone', () => {
      const { rotations } = given.catalog;
      using other = given.open();
      rotations.start(newRotation());
      refuses('rotation_active', () => rotations.start(newRotation({ id: 'o2' })));
      refuses('rotation_active', () => other.rotations.start(newRotation({ id: 'o2' })));
      expect(other.rotations.requestCancel('o1').cancelRequested).toBe(true);
      expect(rotations.rotation('o1')?.cancelRequested).toBe(true);
      expect(other.rotations.interruptOrphans(new Set(), noon)).toEqual([]);
      expect(rotations.interruptOrphans(new Set(['o1']), noon)).toEqual([]);
      rotations.finish('o1', { status: 'cancelled', at: noon });
      refuses('rotation_ended', () => rotations.finish('o1', { status: 'failed', at: noon }));

      const dying = given.open();
      dying.rotations.start(newRotation({ id: 'o2' }));
      dying[Symbol.dispose]();
      refuses('rotation_active', () => rotations.start(newRotation({ id: 'o3' })));
      expect(rotations.interruptOrphans(new Set(), noon + 5)).toMatchObject([
        { id: 'o2', status: 'interrupted', finishedAt: noon + 5 },
      ]);
      expect(rotations.resume('o1', noon)).toMatchObject({ status: 'running', cancelRequested: false });
      refuses('rotation_active', () => rotations.resume('o2', noon));
      expect(rotations.interruptOrphans(new Set(['o7']), noon)).toMatchObject([{ id: 'o1' }]);
      expect(rotations.list({ limit: 10 }).map(({ id }) => id)).toEqual(['o2', 'o1']);
      expect(rotations.list({ limit: 10, status: 'running' })).toEqual([]);
      expect(rotations.list({ limit: 10, status: 'interrupted' })).toHaveLength(2);
      expect(rotations.list({ limit: 1, after: 'o2' }).map(({ id }) => id)).toEqual(['o1']);
      expect(rotations.rotation('o9')).toBeUndefined();
      refuses('not_found', () => rotations.resume('o9', noon));
      refuses('not_found', () => rotations.list({ limit: 1, after: 'o9' }));
    });

    it('knows of each copy how it is sealed, and counts a backup for every key that a copy of it needs', () => {
      backUp('b1', 'local', 'offsite', 'tape');
      const { rotations } = given.catalog;
      rotations.start(newRotation({ backups: [{ backupId: 'b1', bytes: 1 }] }));
      const manifest = resealed('b1');
      rotations.begin(['local', 'offsite'].map((store) => ({ backupId: 'b1', store, manifest })));
      rotations.settle('o1', [done('b1', 'local')], noon);
      expect(given.catalog.backup('b1')).toMatchObject({ keyId: oldKey, manifest: newManifest('b1') });
      const copies = (): unknown[] =>
        given.catalog
          .backup('b1')
          ?.copies.map(({ store, manifest: own, next }) => [store, own?.keyId, next?.keyId]) ?? [];
      expect(copies()).toEqual([
        ['local', newKey, undefined],
        ['offsite', undefined, newKey],
        ['tape', undefined, undefined],
      ]);
      expect(given.catalog.totals().backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      rotations.settle('o1', [done('b1', 'offsite')], noon);
      expect(given.catalog.totals().backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      expect(given.catalog.totals().bytesByKey).toEqual({ [oldKey]: 7144, [newKey]: 7144 });

      given.catalog.removeCopy('b1', 'tape', 'expired', noon);
      expect(given.catalog.backup('b1')).toMatchObject({ keyId: newKey, manifest });
      expect(copies()).toEqual([
        ['local', undefined, undefined],
        ['offsite', undefined, undefined],
        ['tape', undefined, undefined],
      ]);
      expect(given.catalog.totals().backupsByKey).toEqual({ [oldKey]: 0, [newKey]: 1 });
    });

    it('does not bring back a copy that was pruned while it was sealed anew', () => {
      backUp('b1', 'local', 'offsite');
      const { rotations } = given.catalog;
      rotations.start(newRotation({ backups: [{ backupId: 'b1', bytes: 1 }] }));
      const change = { backupId: 'b1', store: 'local', manifest: resealed('b1') };
      rotations.begin([change]);
      given.catalog.removeCopy('b1', 'local', 'expired', noon);
      rotations.settle('o1', [done('b1', 'local')], noon);
      expect(given.catalog.backup('b1')).toMatchObject({
        keyId: oldKey,
        copies: [{ status: 'pruned' }, { status: 'good' }],
      });
      expect(rotations.begin([change, { ...change, store: 'nowhere' }])).toEqual([false, false]);
      expect(rotations.unsettled()).toEqual([]);
    });

    it('takes from a rebuild how each copy is sealed, and settles what a rotation has left', () => {
      const found = (store: string) => ({ store, path: `/${store}/b1`, status: 'good' }) as const;
      given.catalog.adoptBackup(resealed('b1'), found('local'));
      given.catalog.adoptBackup(newManifest('b1'), found('offsite'));
      expect(given.catalog.backup('b1')).toMatchObject({
        keyId: newKey,
        copies: [{ store: 'local' }, { store: 'offsite', manifest: newManifest('b1') }],
      });
      given.catalog.rotations.begin([{ backupId: 'b1', store: 'offsite', manifest: resealed('b1') }]);
      given.catalog.rotations.settleCopy('b1', 'offsite', 'kept');
      expect(given.catalog.totals().backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      given.catalog.rotations.begin([{ backupId: 'b1', store: 'offsite', manifest: resealed('b1') }]);
      given.catalog.rotations.settleCopy('b1', 'offsite', 'resealed');
      expect(given.catalog.totals().backupsByKey).toEqual({ [newKey]: 1 });
      expect(given.catalog.backup('b1')?.copies[1]).toEqual(found('offsite'));
    });
  });
}
