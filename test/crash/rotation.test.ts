import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { rebuildCatalog } from '../../exporter/src/catalog/rebuild.ts';
import type { Rotation } from '../../exporter/src/catalog/rotations.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Key, Keystore } from '../../exporter/src/keys/keystore.ts';
import { recoverRotations } from '../../exporter/src/rotation/recover.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import { retireKey } from '../../exporter/src/rotation/retirement.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { storedManifest, type Manifest } from '../../exporter/src/store/manifest.ts';
import { openWith, storeBackups, type StoredBackup } from '../servers/stored-backups.ts';
import { TestChild } from './children.ts';

/** More by hand, as in `LOWTIDE_KILLS=100 vitest run --project integration test/crash/rotation.test.ts`. */
const askedKills = process.env['LOWTIDE_KILLS'];
const manyKills = Number(askedKills ?? 20);

const pool = createSealPool({ threads: 1 });
afterAll(() => pool[Symbol.asyncDispose]());

let folder: string;
let backups: string;
let keystore: Keystore;
let oldKey: Key;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-rotation-'));
  backups = join(folder, 'backups');
  keystore = openKeys();
  oldKey = await keystore.create({ kind: 'x25519', now: 0 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const openKeys = (): Keystore =>
  fileKeystore({ folder: join(folder, 'keys'), passphrase: 'low tide', scryptLogN: 2 });
const signal = new AbortController().signal;

async function given(count: number, bytes?: number): Promise<readonly StoredBackup[]> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  const options = { folder: backups, catalog, key: oldKey, ...(bytes !== undefined && { bytes }) };
  return await storeBackups(count, options);
}

/** Rotates in a process that dies before its disk's step of this number, or name; gives what it said last. */
async function rotateUntil(steps: number | 'remove', mode = 'rewrap'): Promise<Rotation | string> {
  await using child = new TestChild('rotation-child.ts', [folder, mode, String(steps)]);
  const code = await child.ended();
  const last = child.lines.at(-1) ?? '';
  if (code === null) return last;
  expect(code).toBe(0);
  return JSON.parse(last) as Rotation;
}

/** Opens each part by the manifest that the catalog names for it (or the one that it names as the next), and no other key. */
async function expectToOpen(stored: readonly StoredBackup[]): Promise<void> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  const keys = openKeys();
  for (const { manifest, plainSha256 } of stored) {
    const backup = await catalog.backup(manifest.id);
    const copy = backup?.copies[0];
    const sealing = copy?.manifest ?? (backup && storedManifest(backup.manifest));
    const sealings = [sealing, copy?.next].filter((each) => each !== undefined);
    const fits = await Promise.all(sealings.map((sealing) => isSealed(sealing, plainSha256, keys)));
    expect(fits.filter(Boolean), manifest.id).toEqual([true]);
  }
}

async function isSealed(manifest: Manifest, plain: readonly string[], keys: Keystore): Promise<boolean> {
  for (const [index, part] of manifest.parts.entries()) {
    const file = readFileSync(join(backups, part.name));
    const head = createHash('sha256').update(file.subarray(0, part.headerBytes)).digest('hex');
    if (head !== part.headerSha256) return false;
    expect(await openWith(file, await keys.identity(manifest.keyId))).toBe(plain[index]);
  }
  return true;
}

/** What a start does before anything else. */
async function recover(): Promise<void> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  const stores = new Map([['local', new DirectoryStore('local', backups)]]);
  await recoverRotations({ catalog, stores, running: new Set(), now: 0, signal });
  expect(await catalog.rotations.unsettled()).toEqual([]);
}

function rotatorOf(catalog: Catalog): Rotator {
  return new Rotator({
    catalog,
    stores: new Map([['local', new DirectoryStore('local', backups)]]),
    keystore: openKeys(),
    pool,
    clock: systemClock,
    recoveryRecipients: [],
    running: new Set(),
  });
}

/** Goes on, or begins where there was no time to, in this process. */
async function resume(mode: string): Promise<Rotation> {
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  const rotator = rotatorOf(catalog);
  if ((await catalog.rotations.list({ limit: 1 })).length > 0)
    return await rotator.resume(undefined, { signal });
  return await rotator.rotate(
    { mode: mode === 'reencrypt' ? mode : 'rewrap', trigger: 'manual' },
    { signal },
  );
}

function leftovers(): readonly string[] {
  return readdirSync(backups, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(partial|journal)$/.test(name),
  );
}

async function identityFile(key: Key): Promise<string> {
  const path = join(folder, `${key.id}.txt`);
  writeFileSync(path, await keystore.identity(key.id), { mode: 0o600 });
  return path;
}

function openedByAge(path: string, identity: string): string | undefined {
  const { status, stdout } = spawnSync('age', ['-d', '-i', identity, path]);
  return status === 0 ? createHash('sha256').update(stdout).digest('hex') : undefined;
}

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe(`a rotation of 1,000 backups that is killed with kill -9 ${manyKills} times`, () => {
  it('ends with every backup under the new key alone, its content unchanged', async () => {
    const stored = await given(1000);
    const random = numbers(20_261_125);
    const killedAt = new Set<string>();
    for (let kills = 0; kills < manyKills; kills += 1) {
      // The first 330 steps of a group come before its journal: it begins again after those. In the next 330 it is changed.
      const from = random.next().value < 0.89 ? 1 : 331;
      const steps = from + Math.floor(random.next().value * 330);
      const step = await rotateUntil(steps);
      if (typeof step !== 'string') throw new Error(`the rotation has ended before kill ${kills + 1}`);
      killedAt.add(step.split(' ')[0] ?? '');
      if (kills % 3 > 0) continue;
      // Else the next process to rotate does it.
      await recover();
      const at = Math.floor(random.next().value * 940);
      await expectToOpen(stored.slice(at, at + 64));
    }
    expect([...killedAt].sort()).toEqual(expect.arrayContaining(['create', 'flush', 'overwrite', 'write']));
    const rotation = await rotateUntil(Infinity);
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 1000 }, failed: { backups: 0 } });
    expect(leftovers()).toEqual([]);

    keystore = openKeys();
    const newKey = await keystore.active();
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['retiring', 'active']);
    const [withNew, withOld] = [await identityFile(newKey), await identityFile(oldKey)];
    for (const [index, { manifest, plainSha256 }] of stored.entries()) {
      for (const [number, part] of manifest.parts.entries()) {
        const path = join(backups, part.name);
        const file = readFileSync(path);
        expect(await openWith(file, await keystore.identity(newKey.id))).toBe(plainSha256[number]);
        await expect(openWith(file, await keystore.identity(oldKey.id))).rejects.toMatchObject({
          code: 'no_identity_match',
        });
        if (index % 20 > 0) continue;
        expect(openedByAge(path, withNew)).toBe(plainSha256[number]);
        expect(openedByAge(path, withOld)).toBeUndefined();
      }
    }
    await using catalog = openSqliteCatalog(join(folder, 'state'));
    expect((await catalog.totals()).backupsByKey).toEqual({ [oldKey.id]: 0, [newKey.id]: 1000 });
    await expect(keystore.retire(oldKey.id)).resolves.toMatchObject({ state: 'retired' });
  }, 240_000);
});

describe.each<[string, (seen: readonly string[]) => number]>([
  ['rewrap', () => 1],
  // Backup by backup: to the second one happens what has happened to the first.
  ['reencrypt', (seen) => (seen.some((step) => step.startsWith('remove')) ? 4 : 1)],
])('a rotation by %s that is killed before each step of the disk', (mode, stride) => {
  it('leaves every backup open, and is completed by the next process', async () => {
    const seen: string[] = [];
    for (let steps = 1; ; steps += askedKills === undefined ? stride(seen) : 1) {
      const stored = await given(2, 100_000);
      const end = await rotateUntil(steps, mode);
      if (typeof end !== 'string') break;
      seen.push(end);
      await recover();
      await expectToOpen(stored);
      expect(leftovers(), end).toEqual([]);
      expect(await resume(mode), end).toMatchObject({ status: 'completed' });
      expect(leftovers(), end).toEqual([]);
      await expectToOpen(stored);
      await using catalog = openSqliteCatalog(join(folder, 'state'));
      expect((await catalog.totals()).backupsByKey[oldKey.id], end).toBe(0);
      for (const name of ['state', 'backups']) rmSync(join(folder, name), { recursive: true });
      keystore = openKeys();
      oldKey = await keystore.active();
    }
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.some((step) => step.startsWith('rename'))).toBe(true);
  }, 240_000);
});

describe('a rotation that is killed when the stores have the new headers and the catalog has not heard of it', () => {
  it('has its key kept, although no backup is on file for it', async () => {
    await given(64);
    // The journal goes when all that it tells of is on disk.
    expect(await rotateUntil('remove')).toMatch(/journal$/);
    await using catalog = openSqliteCatalog(join(folder, 'state'));
    keystore = openKeys();
    const newKey = await keystore.active();
    expect((await catalog.totals()).backupsByKey[newKey.id] ?? 0).toBe(0);
    await keystore.create({ kind: 'x25519', now: 1 });
    const stores = new Map([['local', new DirectoryStore('local', backups)]]);
    const retiring = retireKey({ catalog, keystore, stores, rotator: rotatorOf(catalog) }, newKey.id, signal);
    await expect(retiring).rejects.toMatchObject({ code: 'key_in_use' });
    expect((await catalog.totals()).backupsByKey).toEqual({ [oldKey.id]: 0, [newKey.id]: 64 });
  });
});

describe('a rotation that goes on in another process', () => {
  it('keeps a second one out and its files untouched, and is taken over once that process is gone', async () => {
    const stored = await given(10);
    await using holder = new TestChild('rotation-child.ts', [folder, 'rewrap', '60', 'hold']);
    await holder.written(1);
    const journals = leftovers();
    expect(journals.length).toBeGreaterThan(0);
    await expect(resume('rewrap')).rejects.toMatchObject({ code: 'rotation_active' });
    await using catalog = openSqliteCatalog(join(folder, 'state'));
    const stores = new Map([['local', new DirectoryStore('local', backups)]]);
    const common = { catalog, stores, running: new Set<string>(), now: 0, signal };
    expect(await recoverRotations(common)).toEqual([]);
    expect(leftovers()).toEqual(journals);
    await holder.kill();
    expect(await resume('rewrap')).toMatchObject({ status: 'completed', done: { backups: 10 } });
    await expectToOpen(stored);
  });
});

describe('a rotation whose catalog is lost in the middle', () => {
  it('is known again from the manifests, and another rotation ends it', async () => {
    const stored = await given(200);
    expect(await rotateUntil(1100)).toBeTypeOf('string');
    rmSync(join(folder, 'state'), { recursive: true });
    {
      await using catalog = openSqliteCatalog(join(folder, 'state'));
      const stores = new Map([['local', new DirectoryStore('local', backups)]]);
      expect(await rebuildCatalog(catalog, stores, { signal })).toMatchObject({ good: 200, damaged: 0 });
      const { backupsByKey } = await catalog.totals();
      expect(Object.keys(backupsByKey)).toHaveLength(2);
      expect(Object.values(backupsByKey).every((count) => count > 0)).toBe(true);
    }
    await expectToOpen(stored);
    expect(await rotateUntil(Infinity)).toMatchObject({ status: 'completed', done: { backups: 200 } });
    await expectToOpen(stored);
    expect(leftovers().filter((name) => name.includes('.journal'))).toEqual([]);
  });
});
