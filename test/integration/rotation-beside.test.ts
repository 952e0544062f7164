import { spawnSync } from 'node:child_process';
import { existsSync, linkSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import { verifyBackup } from '../../exporter/src/run/verify.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { steppingDisk } from '../crash/stepping-disk.ts';
import { TestInstallation } from '../servers/installation.ts';
import { canMount, Disk } from './disks.ts';
import { program } from '../servers/programs.ts';

const schedules = `  - { id: data, source: { type: command, argv: [bash, -c, 'head -c 3000000 /dev/urandom'] }, every: 1d, stores: [local], keep: { last: 1 } }`;
const signal = new AbortController().signal;

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules);
});
afterEach(() => installation[Symbol.asyncDispose]());

const root = (): string => join(installation.folder, 'backups');
const fresh = async ({ id }: Backup): Promise<Backup> => (await installation.opened.catalog.backup(id))!;

function rotatorOn(store: Store): Rotator {
  const { catalog, keystore, pool, clock } = installation.opened;
  return new Rotator({
    catalog,
    stores: new Map([['local', store]]),
    keystore,
    pool,
    clock,
    recoveryRecipients: [],
    running: new Set(),
  });
}

async function statusOf(backup: Backup): Promise<string | undefined> {
  const { copies } = await installation.opened.jobs.verify(await fresh(backup), { signal });
  return copies[0]?.status;
}

/** As `statusOf`; what it would wait for is done by `wait`. */
async function verifiedWhile(backup: Backup, wait: () => Promise<void>): Promise<string | undefined> {
  const { catalog, keystore, pool, stores, clock, scratchRoot } = installation.opened;
  const { copies } = await verifyBackup({
    ...{ catalog, keystore, pool, stores, signal },
    backup: await fresh(backup),
    scratch: scratchRoot,
    clock: { now: () => clock.now(), wakeAt: wait },
  });
  return copies[0]?.status;
}

describe('while a rotation is in the middle of a backup', () => {
  it.each<[string, 'rewrap' | 'reencrypt', RegExp]>([
    ['its header is not written yet', 'rewrap', /^overwrite data.*age$/],
    ['its header is new and its manifest old', 'rewrap', /^rename data.*\.json$/],
    ['it is on disk, and not in the catalog', 'rewrap', /^remove .*journal$/],
    ['its payload is written, and the old one in place', 'reencrypt', /^rename data.*age$/],
    ['its payload is new and its manifest old', 'reencrypt', /^rename data.*\.json$/],
  ])('when %s, it is verified and restored all the same', async (_, mode, step) => {
    const backup = await installation.completed('data');
    const reached = Promise.withResolvers<undefined>();
    const go = Promise.withResolvers<undefined>();
    const disk = steppingDisk(root(), async (what) => {
      if (!step.test(what)) return;
      reached.resolve(undefined);
      await go.promise;
    });
    const rotator = rotatorOn(new DirectoryStore('local', root(), disk));
    const rotating = rotator.rotate({ mode, trigger: 'manual' }, { signal });
    await Promise.race([reached.promise, rotating]);
    expect((await fresh(backup)).copies[0]?.next).toBeDefined();
    const target = join(installation.folder, 'restored');
    const restoring = installation.opened.jobs.restore(await fresh(backup), target, { signal, force: false });
    // Between header and manifest there is nothing to be said about a copy: who asks waits for the moment to be over.
    const isBetween = step.source.includes('json');
    const waits = { count: 0 };
    const verifying = verifiedWhile(backup, async () => {
      waits.count += 1;
      go.resolve(undefined);
      await rotating;
    });
    expect(await verifying).toBe('passed');
    expect(waits.count).toBe(isBetween ? 1 : 0);
    await restoring;
    expect(readFileSync(target)).toHaveLength(3_000_000);
    go.resolve(undefined);
    expect(await rotating).toMatchObject({ status: 'completed', done: { backups: 1 } });
    expect(await statusOf(backup)).toBe('passed');
    expect((await fresh(backup)).copies[0]?.status).toBe('good');
  });

  it('no key is made beside it; and where one has become active all the same, it gives no backup of that key away', async () => {
    await installation.completed('data');
    const { catalog, keystore, clock } = installation.opened;
    const reached = Promise.withResolvers<undefined>();
    const go = Promise.withResolvers<undefined>();
    const disk = steppingDisk(root(), async (what) => {
      if (!/^overwrite data.*age$/.test(what)) return;
      reached.resolve(undefined);
      await go.promise;
    });
    const rotator = rotatorOn(new DirectoryStore('local', root(), disk));
    const rotating = rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal });
    await Promise.race([reached.promise, rotating]);
    const main = program('exporter/src/cli/main.ts');
    const args = [main, '--config', installation.configFile, 'keys', 'new'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('a rotation is going on') as string,
    });
    const newest = await keystore.create({ kind: 'x25519', now: clock.now() });
    const later = await installation.completed('data');
    go.resolve(undefined);
    const ended = await rotating;
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'rotation_ended' } });
    await expect(rotator.resume(ended.id, { signal })).rejects.toMatchObject({ code: 'rotation_ended' });
    expect(await catalog.rotations.rotation(ended.id)).toEqual(ended);
    expect((await fresh(later)).keyId).toBe(newest.id);
    const anew = await rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal });
    expect(anew).toMatchObject({ status: 'completed', failed: { backups: 0 } });
    expect((await catalog.totals()).backupsByKey[ended.keyId ?? ''] ?? 0).toBe(0);
  });

  it.each<['rewrap' | 'reencrypt', RegExp]>([
    ['rewrap', /^overwrite data.*age$/],
    ['reencrypt', /^rename data.*age$/],
    ['rewrap', /^rename data.*\.json$/],
  ])('a prune removes it for good (%s, at %s)', async (mode, step) => {
    const doomed = await installation.completed('data');
    const { catalog, stores } = installation.opened;
    let pruned = false;
    const disk = steppingDisk(root(), async (what) => {
      if (!step.test(what) || pruned) return;
      pruned = true;
      await catalog.removeCopy(doomed.id, 'local', 'expired', 0);
      for (const part of storedManifest(doomed.manifest).parts) await stores.get('local')?.delete(part.name);
      await stores.get('local')?.delete(`${storedManifest(doomed.manifest).parts[0].name}.json`);
    });
    // The folder stays, as it does where there are further backups.
    writeFileSync(join(root(), 'data', 'other'), '');
    const rotator = rotatorOn(new DirectoryStore('local', root(), disk));
    const rotation = await rotator.rotate({ mode, trigger: 'manual' }, { signal });
    expect(pruned).toBe(true);
    expect(rotation.status).toBe('completed');
    expect(readdirSync(join(root(), 'data'))).toEqual(['other']);
    expect((await fresh(doomed)).status).toBe('pruned');
    expect(await catalog.rotations.unsettled()).toEqual([]);
  });
});

describe('a rotation whose clock is set back and forward', () => {
  it('is completed all the same, and deals with the same backups', async () => {
    const backup = await installation.completed('data');
    const { catalog, keystore, pool, stores } = installation.opened;
    const began = Date.now();
    let looks = 0;
    const clock = {
      now: () => began + ((looks += 1) % 2 === 0 ? -1 : 1) * 86_400_000,
      wakeAt: () => Promise.resolve(),
    };
    const environment = {
      catalog,
      keystore,
      pool,
      stores,
      recoveryRecipients: [],
      running: new Set<string>(),
    };
    const rotator = new Rotator({ ...environment, clock });
    const rotation = await rotator.rotate({ mode: 'rewrap', daysBack: 7, trigger: 'manual' }, { signal });
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 1 } });
    expect((await fresh(backup)).keyId).toBe(rotation.keyId);
    expect(await statusOf(backup)).toBe('passed');
  });
});

describe.runIf(canMount)('a rotation on a disk that is full', () => {
  class Unmeasured extends DirectoryStore {
    override space(): Promise<undefined> {
      return Promise.resolve(undefined);
    }
  }

  it.each<['rewrap' | 'reencrypt', boolean]>([
    ['rewrap', true],
    ['rewrap', false],
    ['reencrypt', true],
    ['reencrypt', false],
  ])(
    'by %s is refused before anything was touched, or can be resumed (measured: %s)',
    async (mode, measured) => {
      const backup = await installation.completed('data');
      using disk = Disk.tmpfs('size=24m');
      const folder = join(disk.path, 'store');
      const plain = new DirectoryStore('local', folder);
      for (const name of [
        storedManifest(backup.manifest).parts[0].name,
        `${storedManifest(backup.manifest).parts[0].name}.json`,
      ]) {
        const bytes = readFileSync(join(root(), name));
        await plain.put(
          name,
          (async function* () {
            yield await Promise.resolve(bytes);
          })(),
          { signal },
        );
      }
      const path = join(folder, storedManifest(backup.manifest).parts[0].name);
      const before = readFileSync(path);
      const filler = join(disk.path, 'filler');
      try {
        // What is left takes neither a page of a manifest nor, for the payload, all of it.
        writeFileSync(filler, Buffer.alloc(mode === 'rewrap' ? 24e6 : 20.5e6));
      } catch {
        // Full is full.
      }
      const store = measured ? plain : new Unmeasured('local', folder);
      const rotator = rotatorOn(store);
      if (measured) {
        // The plan knows it, and nothing is begun: there is no new key either.
        expect((await rotator.plan({ mode })).obstacles).toMatchObject([{ code: 'store_full' }]);
        const refused = rotator.rotate({ mode, trigger: 'manual' }, { signal });
        await expect(refused).rejects.toMatchObject({ code: 'store_full' });
        expect(await installation.opened.keystore.list()).toHaveLength(1);
        expect(readFileSync(path).equals(before)).toBe(true);
        // What is left alone anyway, as a file with further names, needs no room.
        linkSync(path, join(disk.path, 'another-name'));
        expect((await rotator.plan({ mode })).obstacles).toEqual([]);
        return;
      }
      const failed = await rotator.rotate({ mode, trigger: 'manual' }, { signal });
      expect(failed).toMatchObject({
        status: 'failed',
        error: { code: 'store_full' },
        pending: { backups: 1 },
      });
      expect(readFileSync(path).equals(before)).toBe(true);
      expect(readdirSync(join(folder, 'data'))).toHaveLength(2);
      expect(await installation.opened.catalog.rotations.unsettled()).toEqual([]);
      rmSync(filler);
      const resumed = await rotatorOn(new Unmeasured('local', folder)).resume(undefined, { signal });
      expect(resumed).toMatchObject({ id: failed.id, status: 'completed', done: { backups: 1 } });
      expect(readFileSync(path).equals(before)).toBe(false);
      expect(existsSync(filler)).toBe(false);
    },
  );
});
