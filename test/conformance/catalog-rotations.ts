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
  const backUp = async (id: string, ...stores: string[]): Promise<void> => {
    const run = await given.catalog.startRun(newRun(`run-of-${id}`));
    const copies = stores.map((store): NewCopy => ({ store, path: `/${store}/${id}`, status: 'good' }));
    await given.catalog.finishRun(run.id, runEnd(run, { backup: { manifest: newManifest(id), copies } }));
  };
  const newEvents = async (after: number): Promise<unknown[]> =>
    (await given.catalog.eventsAfter(after, 100)).map((event) => event.body);

  describe('rotations', () => {
    it('keeps how quickly one may go, also when it is resumed', async () => {
      const { rotations } = given.catalog;
      const pace = { atLowTide: true, bytesPerSecond: 2 ** 20 };
      expect(await rotations.start(newRotation(pace))).toMatchObject(pace);
      await rotations.finish('o1', { status: 'cancelled', at: noon + 1 });
      expect(await rotations.resume('o1', noon + 2)).toMatchObject(pace);
    });

    it('records one from its beginning to its end, with all that becomes of its backups', async () => {
      for (const id of ['b1', 'b2', 'b3', 'b4']) await complete(given.catalog, id);
      const { rotations } = given.catalog;
      const backups = ['b1', 'b2', 'b3'].map((backupId) => ({ backupId, bytes: 7144 }));
      const started = await rotations.start(
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
      expect((await given.catalog.totals()).rotationProgress).toBe(0.25);
      await rotations.leaveOut('o1', { backups: 7, bytes: 70 });
      await rotations.leaveOut('o1', { backups: 4, bytes: 40 });
      expect((await rotations.rotation('o1'))?.skipped).toEqual({ backups: 5, bytes: 49 });
      expect((await given.catalog.totals()).rotationProgress).toBe(5 / 8);
      await rotations.leaveOut('o1', { backups: 0, bytes: 0 });
      await rotations.setKey('o1', newKey);
      const changes = ['b1', 'b2'].map((backupId) => ({
        backupId,
        store: 'local',
        manifest: resealed(backupId),
      }));
      expect(await rotations.begin(changes)).toEqual([true, true]);
      expect(await rotations.unsettled()).toEqual(changes);
      expect(await given.catalog.backup('b1')).toMatchObject({
        keyId: oldKey,
        copies: [{ next: resealed('b1') }],
      });
      const failed: RotationBackupEnd = {
        backupId: 'b2',
        status: 'failed',
        reason: 'the disk refused',
        bytes: 0,
        copies: [{ store: 'local', outcome: 'kept' }],
      };
      await rotations.settle('o1', [done('b1', 'local'), failed], noon + 1);
      expect(await rotations.unsettled()).toEqual([]);
      expect(await given.catalog.backup('b1')).toMatchObject({ keyId: newKey, manifest: resealed('b1') });
      expect((await given.catalog.backup('b1'))?.copies).toEqual([
        { store: 'local', path: '/backups/b1', status: 'good' },
      ]);
      expect(await given.catalog.backup('b2')).toMatchObject({ keyId: oldKey, manifest: newManifest('b2') });
      expect(await rotations.backups('o1', { limit: 10 })).toEqual([
        { number: 0, backupId: 'b1', bytes: 7144, status: 'done' },
        { number: 1, backupId: 'b2', bytes: 7144, status: 'failed', reason: 'the disk refused' },
        { number: 2, backupId: 'b3', bytes: 7144, status: 'pending' },
        { number: 3, backupId: 'b4', bytes: 9, status: 'skipped', reason: 'older than 90 days' },
      ]);
      expect(await rotations.backups('o1', { status: 'pending', after: 1, limit: 1 })).toHaveLength(1);
      expect(await rotations.backups('o1', { status: 'done', after: 0, limit: 1 })).toEqual([]);
      const error = { code: 'store_full', message: 'no room' };
      const ended = await rotations.finish('o1', { status: 'failed', at: noon + 2, error });
      expect(ended).toMatchObject({ status: 'failed', finishedAt: noon + 2, error, keyId: newKey });
      expect(await rotations.list({ limit: 10 })).toEqual([ended]);
      expect(await newEvents(8)).toEqual([
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

      const resumed = await rotations.resume('o1', noon + 3);
      expect(resumed).toMatchObject({ status: 'running', pending: { backups: 2 }, failed: { backups: 0 } });
      expect(resumed).not.toHaveProperty('error');
      expect(resumed).not.toHaveProperty('finishedAt');
      await rotations.settle(
        'o1',
        [
          { ...failed, status: 'done' },
          { ...failed, backupId: 'b3', status: 'done' },
        ],
        noon,
      );
      await rotations.finish('o1', { status: 'completed', at: noon + 4 });
      expect((await given.catalog.totals()).rotationProgress).toBe(1);
      await refuses('rotation_ended', () => rotations.resume('o1', noon));
      await refuses('rotation_ended', () => rotations.requestCancel('o1'));
    });

    it('lets at most one go on, whoever asks, until it has ended or its owner is gone', async () => {
      const { rotations } = given.catalog;
      await using other = await given.open();
      await rotations.start(newRotation());
      await refuses('rotation_active', () => rotations.start(newRotation({ id: 'o2' })));
      await refuses('rotation_active', () => other.rotations.start(newRotation({ id: 'o2' })));
      expect((await other.rotations.requestCancel('o1')).cancelRequested).toBe(true);
      expect((await rotations.rotation('o1'))?.cancelRequested).toBe(true);
      expect(await other.rotations.interruptOrphans(new Set(), noon)).toEqual([]);
      expect(await rotations.interruptOrphans(new Set(['o1']), noon)).toEqual([]);
      await rotations.finish('o1', { status: 'cancelled', at: noon });
      await refuses('rotation_ended', () => rotations.finish('o1', { status: 'failed', at: noon }));

      const dying = await given.open();
      await dying.rotations.start(newRotation({ id: 'o2' }));
      await dying[Symbol.asyncDispose]();
      await refuses('rotation_active', () => rotations.start(newRotation({ id: 'o3' })));
      expect(await rotations.interruptOrphans(new Set(), noon + 5)).toMatchObject([
        { id: 'o2', status: 'interrupted', finishedAt: noon + 5 },
      ]);
      expect(await rotations.resume('o1', noon)).toMatchObject({ status: 'running', cancelRequested: false });
      await refuses('rotation_active', () => rotations.resume('o2', noon));
      expect(await rotations.interruptOrphans(new Set(['o7']), noon)).toMatchObject([{ id: 'o1' }]);
      expect((await rotations.list({ limit: 10 })).map(({ id }) => id)).toEqual(['o2', 'o1']);
      expect(await rotations.list({ limit: 10, status: 'running' })).toEqual([]);
      expect(await rotations.list({ limit: 10, status: 'interrupted' })).toHaveLength(2);
      expect((await rotations.list({ limit: 1, after: 'o2' })).map(({ id }) => id)).toEqual(['o1']);
      expect(await rotations.rotation('o9')).toBeUndefined();
      await refuses('not_found', () => rotations.resume('o9', noon));
      await refuses('not_found', () => rotations.list({ limit: 1, after: 'o9' }));
    });

    it('knows of each copy how it is sealed, and counts a backup for every key that a copy of it needs', async () => {
      await backUp('b1', 'local', 'offsite', 'tape');
      const { rotations } = given.catalog;
      await rotations.start(newRotation({ backups: [{ backupId: 'b1', bytes: 1 }] }));
      const manifest = resealed('b1');
      await rotations.begin(['local', 'offsite'].map((store) => ({ backupId: 'b1', store, manifest })));
      await rotations.settle('o1', [done('b1', 'local')], noon);
      expect(await given.catalog.backup('b1')).toMatchObject({ keyId: oldKey, manifest: newManifest('b1') });
      const copies = async (): Promise<unknown[]> =>
        (await given.catalog.backup('b1'))?.copies.map(({ store, manifest: own, next }) => [
          store,
          own?.keyId,
          next?.keyId,
        ]) ?? [];
      expect(await copies()).toEqual([
        ['local', newKey, undefined],
        ['offsite', undefined, newKey],
        ['tape', undefined, undefined],
      ]);
      expect((await given.catalog.totals()).backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      await rotations.settle('o1', [done('b1', 'offsite')], noon);
      expect((await given.catalog.totals()).backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      expect((await given.catalog.totals()).bytesByKey).toEqual({ [oldKey]: 7144, [newKey]: 7144 });

      await given.catalog.removeCopy('b1', 'tape', 'expired', noon);
      expect(await given.catalog.backup('b1')).toMatchObject({ keyId: newKey, manifest });
      expect(await copies()).toEqual([
        ['local', undefined, undefined],
        ['offsite', undefined, undefined],
        ['tape', undefined, undefined],
      ]);
      expect((await given.catalog.totals()).backupsByKey).toEqual({ [oldKey]: 0, [newKey]: 1 });
    });

    it('does not bring back a copy that was pruned while it was sealed anew', async () => {
      await backUp('b1', 'local', 'offsite');
      const { rotations } = given.catalog;
      await rotations.start(newRotation({ backups: [{ backupId: 'b1', bytes: 1 }] }));
      const change = { backupId: 'b1', store: 'local', manifest: resealed('b1') };
      await rotations.begin([change]);
      await given.catalog.removeCopy('b1', 'local', 'expired', noon);
      await rotations.settle('o1', [done('b1', 'local')], noon);
      expect(await given.catalog.backup('b1')).toMatchObject({
        keyId: oldKey,
        copies: [{ status: 'pruned' }, { status: 'good' }],
      });
      expect(await rotations.begin([change, { ...change, store: 'nowhere' }])).toEqual([false, false]);
      expect(await rotations.unsettled()).toEqual([]);
    });

    it('takes from a rebuild how each copy is sealed, and settles what a rotation has left', async () => {
      const found = (store: string) => ({ store, path: `/${store}/b1`, status: 'good' }) as const;
      await given.catalog.adoptBackup(resealed('b1'), found('local'));
      await given.catalog.adoptBackup(newManifest('b1'), found('offsite'));
      expect(await given.catalog.backup('b1')).toMatchObject({
        keyId: newKey,
        copies: [{ store: 'local' }, { store: 'offsite', manifest: newManifest('b1') }],
      });
      await given.catalog.rotations.begin([{ backupId: 'b1', store: 'offsite', manifest: resealed('b1') }]);
      await given.catalog.rotations.settleCopy('b1', 'offsite', 'kept');
      expect((await given.catalog.totals()).backupsByKey).toEqual({ [oldKey]: 1, [newKey]: 1 });
      await given.catalog.rotations.begin([{ backupId: 'b1', store: 'offsite', manifest: resealed('b1') }]);
      await given.catalog.rotations.settleCopy('b1', 'offsite', 'resealed');
      expect((await given.catalog.totals()).backupsByKey).toEqual({ [newKey]: 1 });
      expect((await given.catalog.backup('b1'))?.copies[1]).toEqual(found('offsite'));
    });
  });
}
