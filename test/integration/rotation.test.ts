import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { Rotation, RotationMode } from '../../exporter/src/catalog/rotations.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import type { RotationOptions } from '../../exporter/src/rotation/rotator.ts';
import { nonceBytes, payloadKey } from '../../exporter/src/seal/file-key.ts';
import { parseHeader } from '../../exporter/src/seal/header.ts';
import { unwrapFileKey } from '../../exporter/src/seal/identity.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { sealChunks } from '../../exporter/src/seal/stream.ts';
import { TestInstallation } from '../servers/installation.ts';

const schedules = `  - { id: small, source: { type: command, argv: [bash, -c, 'head -c 200000 /dev/urandom'] }, every: 1d, stores: [local, usb], keep: { last: 100 } }
  - { id: large, source: { type: command, argv: [bash, -c, 'head -c 3000000 /dev/urandom'] }, every: 1d, stores: [local], keep: { last: 100 } }
  - { id: huge, source: { type: command, argv: [bash, -c, 'head -c 60000000 /dev/urandom'] }, every: 1d, stores: [local], keep: { last: 100 } }`;
const stores = '{ local: { type: directory, path: ./backups }, usb: { type: directory, path: ./usb } }';
const signal = new AbortController().signal;

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules, { stores });
});
afterEach(() => installation[Symbol.asyncDispose]());

async function rotate(mode: RotationMode, options: Partial<RotationOptions> = {}): Promise<Rotation> {
  const atLowTide = options.gate !== undefined;
  const request = { mode, trigger: 'manual', atLowTide } as const;
  return await installation.opened.rotator.rotate(request, { signal, ...options });
}

/** What stock age makes of a copy with one identity; undefined where it does not open. */
async function openedByAge(path: string, keyId: string): Promise<string | undefined> {
  const file = join(installation.folder, `${keyId}.txt`);
  writeFileSync(file, await installation.opened.keystore.identity(keyId), { mode: 0o600 });
  const { status, stdout } = spawnSync('age', ['-d', '-i', file, path], { maxBuffer: 1e9 });
  return status === 0 ? createHash('sha256').update(stdout).digest('hex') : undefined;
}

const fresh = async (backup: Backup): Promise<Backup> =>
  (await installation.opened.catalog.backup(backup.id)) ?? backup;

async function verified(backup: Backup): Promise<readonly string[]> {
  const { copies } = await installation.opened.jobs.verify(await fresh(backup), { signal });
  return copies.map(({ status }) => status);
}

describe.each<['rewrap' | 'reencrypt']>([['rewrap'], ['reencrypt']])('a rotation by %s', (mode) => {
  it('gives every copy to a new key: stock age opens it with that key alone, and the content is the same', async () => {
    const { opened } = installation;
    const backups = [await installation.completed('small'), await installation.completed('large')];
    const oldKey = await opened.keystore.active();
    const paths = backups.flatMap(({ copies }) => copies.map(({ path }) => path));
    const before = await Promise.all(paths.map((path) => openedByAge(path, oldKey.id)));
    const files = paths.map((path) => readFileSync(path));

    const plan = await opened.rotator.plan({ mode });
    expect(plan).toMatchObject({ mode, backups: 2, skipped: [], retirableKeys: [oldKey.id] });
    expect(plan.stores.map(({ store, backups: count }) => [store, count])).toEqual([
      ['local', 2],
      ['usb', 1],
    ]);
    expect((await fresh(backups[0]!)).keyId).toBe(oldKey.id);

    const progress: number[] = [];
    const rotation = await rotate(mode, { onProgress: ({ doneBackups }) => progress.push(doneBackups) });
    expect(rotation).toMatchObject({
      status: 'completed',
      mode,
      done: { backups: 2 },
      failed: { backups: 0 },
    });
    expect(progress.at(-1)).toBe(2);
    const newKey = await opened.keystore.active();
    expect(newKey).toMatchObject({ id: rotation.keyId, parentId: oldKey.id, rotationId: rotation.id });
    for (const [index, path] of paths.entries()) {
      expect(await openedByAge(path, newKey.id)).toBe(before[index]);
      expect(await openedByAge(path, oldKey.id)).toBeUndefined();
      const isSamePayload = readFileSync(path).subarray(4080).equals(files[index]!.subarray(4080));
      expect(isSamePayload).toBe(mode === 'rewrap');
    }
    for (const backup of backups) {
      expect(await fresh(backup)).toMatchObject({ keyId: newKey.id, status: 'completed' });
      expect((await fresh(backup)).copies.every(({ manifest, next }) => !manifest && !next)).toBe(true);
      expect(new Set(await verified(backup))).toEqual(new Set(['passed']));
    }
    expect((await opened.catalog.totals()).backupsByKey).toEqual({ [oldKey.id]: 0, [newKey.id]: 2 });
    const small = (await fresh(backups[0]!)).copies.map(({ path }) => readFileSync(path));
    expect(small[0]!.equals(small[1]!)).toBe(true);
    // What is made afterwards uses the new key.
    expect((await installation.completed('small')).keyId).toBe(newKey.id);
  });

  it('names what it leaves alone, and keeps counting it for the old key', async () => {
    const { opened } = installation;
    const [linked, damaged, good] = [
      await installation.completed('small'),
      await installation.completed('large'),
      await installation.completed('large'),
    ];
    const oldKey = await opened.keystore.active();
    linkSync(linked.copies[1]!.path, join(installation.folder, 'snapshot'));
    const file = readFileSync(damaged.copies[0]!.path);
    file[10_000]! ^= 1;
    writeFileSync(damaged.copies[0]!.path, file);
    expect(await verified(damaged)).toEqual(['failed']);

    const plan = await opened.rotator.plan({ mode });
    expect(plan.skipped.map(({ code, copies }) => [code, copies])).toEqual([
      ['damaged', 1],
      ['linked', 1],
    ]);
    expect(plan.retirableKeys).toEqual([]);
    const rotation = await rotate(mode);
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 1 }, skipped: { backups: 2 } });
    const reasons = (
      await opened.catalog.rotations.backups(rotation.id, { status: 'skipped', limit: 10 })
    ).map(({ reason }) => reason);
    expect(reasons).toEqual([expect.stringContaining('is damaged'), expect.stringContaining('hard links')]);
    const newKey = rotation.keyId ?? '';
    const { copies, manifest } = await fresh(linked);
    expect(copies.map((copy) => (copy.manifest ?? storedManifest(manifest)).keyId)).toEqual([
      newKey,
      oldKey.id,
    ]);
    expect(await verified(linked)).toEqual(['passed', 'passed']);
    expect(await openedByAge(linked.copies[0]!.path, newKey)).toBeDefined();
    expect(await openedByAge(linked.copies[1]!.path, oldKey.id)).toBeDefined();
    expect((await fresh(good)).keyId).toBe(newKey);
    expect((await opened.catalog.totals()).backupsByKey).toEqual({ [oldKey.id]: 2, [newKey]: 2 });
    expect(await opened.stores.get('local')?.sweep('')).toEqual([]);
    expect(await opened.stores.get('usb')?.sweep('')).toEqual([]);
  });

  it('fails for a copy that is not what the catalog says, and changes nothing of it', async () => {
    const backup = await installation.completed('large');
    const path = backup.copies[0]!.path;
    const file = readFileSync(path);
    file[mode === 'rewrap' ? 300 : 100_000]! ^= 1;
    writeFileSync(path, file);
    const rotation = await rotate(mode);
    expect(rotation).toMatchObject({ status: 'failed', failed: { backups: 1 } });
    expect(readFileSync(path).equals(file)).toBe(true);
    expect((await fresh(backup)).copies[0]?.status).toBe('damaged');
    expect(await installation.opened.stores.get('local')?.sweep('')).toEqual([]);
    file[mode === 'rewrap' ? 300 : 100_000]! ^= 1;
    writeFileSync(path, file);
    expect(await verified(backup)).toEqual(['passed']);
    const resumed = await installation.opened.rotator.resume(undefined, { signal });
    expect(resumed).toMatchObject({ id: rotation.id, keyId: rotation.keyId, status: 'completed' });
    expect((await fresh(backup)).keyId).toBe(rotation.keyId);
    expect(await verified(backup)).toEqual(['passed']);
  });

  it('stops when it is cancelled, here or by another process, and goes on from there', async () => {
    const backups = [];
    for (let index = 0; index < 3; index += 1) backups.push(await installation.completed('large'));
    const stop = new AbortController();
    const cancelled = await rotate(mode, {
      signal: stop.signal,
      gate: () => {
        stop.abort(new LowtideError('cancelled', 'enough'));
        return Promise.resolve();
      },
    });
    expect(cancelled).toMatchObject({ status: 'cancelled', error: { code: 'cancelled', message: 'enough' } });
    const { catalog, rotator } = installation.opened;
    const again = await rotator.resume(undefined, {
      signal,
      gate: async () => {
        await catalog.rotations.requestCancel(cancelled.id);
      },
    });
    expect(again).toMatchObject({ id: cancelled.id, status: 'cancelled', pending: { backups: 3 } });
    let refused: unknown;
    const done = await rotator.resume(cancelled.id, {
      signal,
      onStart: () => {
        void rotator
          .rotate({ mode, trigger: 'manual' }, { signal })
          .catch((thrown: unknown) => (refused = thrown));
      },
    });
    expect(done).toMatchObject({ status: 'completed', done: { backups: 3 } });
    expect(refused).toMatchObject({ code: 'rotation_active' });
    await expect(rotator.resume(undefined, { signal })).rejects.toMatchObject({ code: 'not_found' });
    for (const backup of backups) expect(await verified(backup)).toEqual(['passed']);
  });
});

describe('re-encrypting', () => {
  it('deals with more than its threads hold at once, and hashes each batch in its turn', async () => {
    const backup = await installation.completed('huge');
    const { keyId } = await rotate('reencrypt');
    expect((await fresh(backup)).keyId).toBe(keyId);
    expect(await verified(backup)).toEqual(['passed']);
  });

  it('keeps to its limit over many small backups, too', async () => {
    const { opened } = installation;
    for (let count = 0; count < 4; count += 1) await installation.completed('small');
    const started = performance.now();
    const request = { mode: 'reencrypt', trigger: 'manual', bytesPerSecond: 2 ** 20 } as const;
    const rotation = await opened.rotator.rotate(request, { signal });
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 4 } });
    // In two stores each: the last of 8 payloads of 200 kB begins when 7 of them have been paid for.
    expect(performance.now() - started).toBeGreaterThan((7 * 200_000 * 1000) / 2 ** 20);
  });

  it('refuses a payload that is authentic, and yet not the one that the manifest describes', async () => {
    const backup = await installation.completed('large');
    const [part] = storedManifest(backup.manifest).parts;
    const path = backup.copies[0]!.path;
    const file = readFileSync(path);
    const identity = await installation.opened.keystore.identity(backup.keyId);
    const fileKey = await unwrapFileKey(parseHeader(file.subarray(0, part.headerBytes)), [identity]);
    const start = part.headerBytes + nonceBytes;
    const key = payloadKey(fileKey, file.subarray(part.headerBytes, start));
    // By its own file key: another content, of the same length.
    const position = { first: 0, last: true };
    sealChunks(key, Buffer.alloc(part.compressedBytes, 'other'), position).forEach((byte, index) => {
      file[start + index] = byte;
    });
    writeFileSync(path, file);
    expect(await rotate('reencrypt')).toMatchObject({ status: 'failed', failed: { backups: 1 } });
    expect(readFileSync(path).equals(file)).toBe(true);
  });
});

describe('a rotation of keys alone', () => {
  it('makes a key for new backups and leaves the stored ones as they are', async () => {
    const backup = await installation.completed('large');
    const rotation = await rotate('rotate');
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 0 } });
    expect((await fresh(backup)).keyId).not.toBe(rotation.keyId);
    expect((await installation.completed('large')).keyId).toBe(rotation.keyId);
  });
});

/** In a process that has not opened any key yet. */
async function rotateAnew(): Promise<Rotation> {
  await using other = await openInstallation(await readConfig(installation.configFile, {}), {});
  return await other.rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal });
}

describe('a rotation that cannot be begun', () => {
  it('is refused by a keystore that cannot be opened, and nothing has been rotated', async () => {
    const { opened, folder } = installation;
    const backup = await installation.completed('large');
    const key = await opened.keystore.active();
    const path = join(folder, 'keys', `${key.id}.age`);
    const sealed = readFileSync(path);
    const changed = Buffer.from(sealed);
    changed[changed.length - 1]! ^= 1;
    writeFileSync(path, changed);
    await expect(rotateAnew()).rejects.toMatchObject({ code: 'keystore_invalid' });
    rmSync(path);
    await expect(rotateAnew()).rejects.toMatchObject({ code: 'key_missing' });
    writeFileSync(path, sealed, { mode: 0o600 });
    const config = readFileSync(installation.configFile, 'utf8');
    writeFileSync(installation.configFile, config.replace('a-passphrase-for-tests', 'another'));
    await expect(rotateAnew()).rejects.toMatchObject({ code: 'keystore_locked' });
    expect((await opened.keystore.list()).map(({ id }) => id)).toEqual([key.id]);
    expect(await opened.catalog.rotations.list({ limit: 1 })).toEqual([]);
    expect(await verified(backup)).toEqual(['passed']);
  });
});
