import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { openInstallation, type Installation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import type { Key } from '../../exporter/src/keys/keystore.ts';
import { takeCensus } from '../../exporter/src/rotation/census.ts';
import { refuseDestruction, retireKey } from '../../exporter/src/rotation/retirement.ts';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import { TestInstallation } from '../servers/installation.ts';

import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { program } from '../servers/programs.ts';
const main = program('exporter/src/cli/main.ts');
const schedules = `  - { id: data, source: { type: command, argv: [echo, hello] }, every: 1d, stores: [local, usb], keep: { last: 9 } }
  - { id: slow, source: { type: command, argv: [bash, -c, 'echo begun > FOLDER/begun; read -t 60 < FOLDER/go; echo over'] }, every: 1d, stores: [local], keep: { last: 9 } }`;
const stores = '{ local: { type: directory, path: ./backups }, usb: { type: directory, path: ./usb } }';
const signal = new AbortController().signal;

let installation: TestInstallation;
let recovery: string;
beforeEach(async () => {
  recovery = await generateIdentity('x25519');
  installation = await TestInstallation.make(schedules, { stores, recovery: [await recipientOf(recovery)] });
});
afterEach(() => installation[Symbol.asyncDispose]());

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

function lowtide(args: readonly string[], env: Readonly<Record<string, string>> = {}): Said {
  const all = [main, '--config', installation.configFile, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { code: status, out: stdout, said: stderr };
}

const fresh = async ({ id }: Backup): Promise<Backup> => (await installation.opened.catalog.backup(id))!;
const rotate = () => installation.opened.rotator.rotate({ mode: 'rewrap', trigger: 'manual' }, { signal });
const keyFile = ({ id }: Key): string => join(installation.folder, 'keys', `${id}.age`);

/** Another process, which has opened no secret yet. */
async function anew<T>(work: (opened: Installation) => Promise<T>): Promise<T> {
  await using opened = await openInstallation(await readConfig(installation.configFile, {}), {});
  return await work(opened);
}

async function retired(): Promise<Key> {
  const { keystore, clock } = installation.opened;
  const old = await keystore.active();
  await keystore.create({ kind: 'x25519', now: clock.now() });
  return await retireKey(installation.opened, old.id, signal);
}

describe('a key whose secret half is lost', () => {
  it('is shown with what needs it, and a rotation names it before anything is changed', async () => {
    await installation.completed('data');
    const lost = await installation.opened.keystore.active();
    const { id: next } = await installation.opened.keystore.create({ kind: 'x25519', now: Date.now() });
    for (const name of [`${lost.id}.age`, `${lost.id}.json`]) rmSync(join(installation.folder, 'keys', name));

    const shown = lowtide(['keys', '--json']);
    expect(JSON.parse(shown.out)).toMatchObject([
      { id: next, state: 'active', backups: 0 },
      { id: lost.id, state: 'lost', backups: 1, copies: 2, openedBy: [] },
    ]);
    expect(shown.said).toContain(`1 backup needs ${lost.id}, whose secret half is lost`);
    const dry = lowtide(['rotate', '--dry-run', '--json']);
    expect(dry.code).not.toBe(0);
    expect(JSON.parse(dry.out)).toMatchObject({ obstacles: [{ code: 'key_missing' }] });
    expect(lowtide(['rotate']).said).toContain(lost.id);
    expect((await installation.opened.keystore.list()).map(({ id }) => id)).toEqual([next]);
  });

  it('makes its recovery key needed, by which a rotation gives its backups to a key that is here', async () => {
    const backup = await installation.completed('data');
    const lost = await installation.opened.keystore.active();
    writeFileSync(join(installation.folder, 'recovery.txt'), recovery, { mode: 0o600 });
    const spare = JSON.parse(
      lowtide(['keys', 'import', join(installation.folder, 'recovery.txt'), '--json']).out,
    ) as { readonly id: string };
    await installation.opened.keystore.create({ kind: 'x25519', now: Date.now() });
    rmSync(keyFile(lost));

    const { keys, lost: missing } = await anew(({ catalog, keystore }) => takeCensus(catalog, keystore));
    expect(missing).toMatchObject([{ id: lost.id, backups: 1, openedBy: [spare.id] }]);
    expect(keys.find(({ key }) => key.id === spare.id)).toMatchObject({ backups: 1, copies: 2 });
    const refused = lowtide(['keys', 'retire', spare.id]);
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain(`for it opens what is sealed to ${lost.id}, which is lost`);

    const rotated = lowtide(['rotate', '--json']);
    expect(rotated.code, rotated.said).toBe(0);
    expect(JSON.parse(rotated.out)).toMatchObject({ status: 'completed', backupsRewrapped: 1 });
    expect(lowtide(['backups', 'verify', backup.id]).code).toBe(0);
    expect(lowtide(['keys', 'retire', spare.id]).code).toBe(0);
  });
});

describe('a key is not destroyed', () => {
  it('while a store has a backup for it of which the catalog knows nothing', async () => {
    const backup = await installation.completed('data');
    const key = await installation.opened.keystore.active();
    const { opened } = installation;
    // The catalog of a time before the backup, as a copy of the state may be.
    for (const { store } of backup.copies)
      await opened.catalog.removeCopy(backup.id, store, 'other hands', 0);
    rmSync(join(installation.folder, 'state'), { recursive: true });
    await opened.keystore.create({ kind: 'x25519', now: Date.now() });
    expect(lowtide(['keys', 'retire', key.id]).code).toBe(0);
    const refused = lowtide(['keys', 'destroy', key.id, '--confirm', key.id]);
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain(`1 backup needs ${key.id}`);
    expect(existsSync(keyFile(key))).toBe(true);
  });

  it('while a store cannot be read, or a manifest in it', async () => {
    const backup = await installation.completed('data');
    await rotate();
    const key = (await installation.opened.keystore.list())[0]!;
    await retireKey(installation.opened, key.id, signal);
    const usb = join(installation.folder, 'usb');
    renameSync(usb, `${usb}.gone`);
    writeFileSync(usb, '');
    expect(lowtide(['keys', 'destroy', key.id, '--confirm', key.id]).code).not.toBe(0);
    rmSync(usb);
    renameSync(`${usb}.gone`, usb);

    const manifest = `${(await fresh(backup)).copies[1]!.path}.json`;
    const text = readFileSync(manifest);
    writeFileSync(manifest, text.subarray(0, 40));
    const refused = lowtide(['keys', 'destroy', key.id, '--confirm', key.id]);
    expect(refused.code).not.toBe(0);
    expect(refused.said).toContain('usb');
    writeFileSync(manifest, text);
    expect(existsSync(keyFile(key))).toBe(true);
    const destroyed = lowtide(['keys', 'destroy', key.id, '--confirm', key.id]);
    expect(destroyed.code, destroyed.said).toBe(0);
    expect(existsSync(keyFile(key))).toBe(false);
  });

  it('while a store holds no backup, as a disk that is not mounted, for a new catalog knows of nothing there', async () => {
    const backup = await installation.completed('data');
    await rotate();
    const key = (await installation.opened.keystore.list())[0]!;
    await retireKey(installation.opened, key.id, signal);
    const usb = join(installation.folder, 'usb');
    renameSync(usb, `${usb}.gone`);
    for (const { store } of backup.copies)
      await installation.opened.catalog.removeCopy(backup.id, store, 'other hands', 0);
    const destruction = () => refuseDestruction(installation.opened, key.id, { signal });
    await expect(destruction()).rejects.toThrow('store usb holds no backup at all');
    // A service that was started meanwhile keeps a copy of its config there.
    mkdirSync(join(usb, '_config'), { recursive: true });
    writeFileSync(join(usb, '_config', '20261125T020000000Z-3fa29c.age'), 'sealed');
    await expect(destruction()).rejects.toThrow('store usb holds no backup at all');
    rmSync(usb, { recursive: true });
    renameSync(`${usb}.gone`, usb);
    await destruction();
  });

  it('while a backup is being made, which may be sealed to it', async () => {
    spawnSync('mkfifo', [join(installation.folder, 'go')]);
    const running = installation.backUp('slow');
    await expect.poll(() => existsSync(join(installation.folder, 'begun'))).toBe(true);
    const key = await retired();
    await expect(refuseDestruction(installation.opened, key.id, { signal })).rejects.toMatchObject({
      code: 'key_in_use',
    });
    writeFileSync(join(installation.folder, 'go'), 'go\n');
    const { run } = await running;
    expect((await installation.backupOf(run)).keyId).toBe(key.id);
    await expect(refuseDestruction(installation.opened, key.id, { signal })).rejects.toMatchObject({
      code: 'key_in_use',
      message: expect.stringContaining('1 backup needs') as string,
    });
  });
});

describe('what a rotation finds damaged', () => {
  it('is told, marked and counted, and keeps no other copy from its new key', async () => {
    const { opened } = installation;
    const [header, missing, whole] = [
      await installation.completed('data'),
      await installation.completed('data'),
      await installation.completed('data'),
    ];
    const broken = readFileSync(header.copies[0]!.path);
    broken[300]! ^= 1;
    writeFileSync(header.copies[0]!.path, broken);
    rmSync(missing.copies[0]!.path);
    const { skipped } = await opened.rotator.plan({ mode: 'rewrap' });
    expect(skipped).toMatchObject([{ code: 'missing', copies: 1 }]);

    const rotation = await rotate();
    expect(rotation).toMatchObject({
      status: 'failed',
      done: { backups: 1 },
      skipped: { backups: 1 },
      failed: { backups: 1 },
    });
    expect(rotation.error).toBeUndefined();
    for (const [backup, status] of [
      [header, 'damaged'],
      // Its disk may just not be mounted.
      [missing, 'good'],
    ] as const) {
      const [bad, good] = (await fresh(backup)).copies;
      expect(bad?.status).toBe(status);
      expect(good).toMatchObject({ status: 'good' });
      expect((good?.manifest ?? storedManifest((await fresh(backup)).manifest)).keyId).toBe(rotation.keyId);
    }
    expect((await fresh(whole)).keyId).toBe(rotation.keyId);
  });

  it('by opening a sample at its end is a failed backup with its place', async () => {
    const backup = await installation.completed('data');
    const path = backup.copies[0]!.path;
    const file = readFileSync(path);
    file[file.length - 3]! ^= 1;
    writeFileSync(path, file);
    const rotation = await rotate();
    expect(rotation).toMatchObject({ status: 'failed', done: { backups: 0 }, failed: { backups: 1 } });
    const { rotations } = installation.opened.catalog;
    const [failed] = await rotations.backups(rotation.id, { status: 'failed', limit: 1 });
    expect(failed).toMatchObject({ backupId: backup.id, reason: expect.stringContaining(path) as string });
    expect((await fresh(backup)).copies.map(({ status }) => status)).toEqual(['damaged', 'good']);
  });
});

it('what was not exported is not said to open backups still, and is in the audit log as what it was', async () => {
  await installation.completed('data');
  const { keystore, clock } = installation.opened;
  const key = await keystore.create({ kind: 'x25519', now: clock.now() });
  const file = join(installation.folder, 'recovery.txt');
  writeFileSync(file, 'something else');
  expect(lowtide(['keys', 'export', key.id, '--output', file]).said).toContain('exists already');
  const ended = async (): Promise<readonly unknown[]> =>
    (await installation.opened.catalog.access.auditAfter(0, 100)).map(({ body }) => [
      body.action,
      body.result,
    ]);
  expect(await ended()).toEqual([
    ['key.export', 'started'],
    ['key.export', 'failed'],
  ]);
  expect(lowtide(['keys', 'destroy', key.id]).said).not.toContain('recovery files');
  rmSync(file);
  expect(lowtide(['keys', 'export', key.id, '--output', file]).code).toBe(0);
  expect((await ended()).at(-1)).toEqual(['key.export', 'done']);
  expect(lowtide(['keys', 'destroy', key.id]).said).toContain('which were written once, 20');
});

it('a store that was moved is told where it is now', async () => {
  const backup = await installation.completed('data');
  renameSync(join(installation.folder, 'usb'), join(installation.folder, 'drive'));
  const config = readFileSync(installation.configFile, 'utf8');
  writeFileSync(installation.configFile, config.replace('./usb', './drive'));
  const [shown] = JSON.parse(lowtide(['backups', '--json']).out) as [
    { copies: { path: string; keyId: string }[] },
  ];
  expect(shown.copies.map(({ path }) => existsSync(path))).toEqual([true, true]);
  expect(shown.copies.map(({ keyId }) => keyId)).toEqual([backup.keyId, backup.keyId]);
});

it('a plan changes nothing, not even by taking over the key in the environment', async () => {
  await installation.completed('data');
  const before = readdirSync(join(installation.folder, 'keys'));
  const dry = lowtide(['rotate', '--dry-run', '--json'], {
    BACKUP_ENCRYPTION_KEY: await generateIdentity('x25519'),
  });
  expect(dry.code, dry.said).toBe(0);
  expect(readdirSync(join(installation.folder, 'keys'))).toEqual(before);
  rmSync(join(installation.folder, 'keys'), { recursive: true });
  cpSync(join(installation.folder, 'backups'), join(installation.folder, 'copy'), { recursive: true });
  const first = lowtide(['rotate', '--dry-run', '--json'], {
    BACKUP_ENCRYPTION_KEY: await generateIdentity('x25519'),
  });
  expect(JSON.parse(first.out)).toMatchObject({ obstacles: [{ code: 'key_missing' }] });
  expect(existsSync(join(installation.folder, 'keys'))).toBe(false);
});
