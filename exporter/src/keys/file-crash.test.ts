import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileKeystore } from './file.ts';
import { nodeDisk, type Disk } from './folder.ts';
import type { Key, Keystore } from './keystore.ts';

const now = Date.UTC(2026, 10, 24, 2, 30);

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
});
afterEach(() => rmSync(work, { recursive: true }));

function open(folder: string, disk: Disk = nodeDisk): Keystore {
  return fileKeystore({ folder, passphrase: 'a passphrase', scryptLogN: 6, disk });
}

interface Moment {
  readonly step: string;
  /** The keystore as a crash right after the step would leave it. */
  readonly folder: string;
}

/** Copies the folder after every step, and in the middle of every write. */
class RecordingDisk implements Disk {
  readonly moments: Moment[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#record('before');
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<void> {
    const torn = this.#record(`half of ${basename(path)}`);
    writeFileSync(join(torn, basename(path)), bytes.subarray(0, bytes.length / 2), { mode: 0o600 });
    await nodeDisk.writeNew(path, bytes);
    this.#record(`wrote ${basename(path)}`);
  }

  async commit(partial: string, final: string): Promise<void> {
    await nodeDisk.commit(partial, final);
    this.#record(`named ${basename(final)}`);
  }

  async remove(path: string): Promise<void> {
    const existed = existsSync(path);
    await nodeDisk.remove(path);
    if (existed) this.#record(`removed ${basename(path)}`);
  }

  #record(step: string): string {
    const folder = `${this.#folder}-${this.moments.length}`;
    this.moments.push({ step, folder });
    // Not the lock: reading it would release it (see FileLock), and a crash releases it anyway.
    if (existsSync(this.#folder)) {
      cpSync(this.#folder, folder, { recursive: true, filter: (source) => !source.endsWith('.lock') });
    }
    return folder;
  }
}

async function activeIds(keystore: Keystore): Promise<string[]> {
  return (await keystore.list()).filter(({ state }) => state === 'active').map(({ id }) => id);
}

async function expectOpens(keystore: Keystore, key: Pick<Key, 'id' | 'recipient'>): Promise<void> {
  expect(await identityToRecipient(await keystore.identity(key.id))).toBe(key.recipient);
}

describe('a crash at any step', () => {
  it('of the first key leaves a usable key or none, and the next try succeeds', async () => {
    const folder = join(work, 'keys');
    const disk = new RecordingDisk(folder);
    const key = await open(folder, disk).create({ kind: 'x25519', now });
    expect(disk.moments.map(({ step }) => step.replace(key.id, 'KEY'))).toEqual([
      'before',
      'half of KEY.age.partial',
      'wrote KEY.age.partial',
      'named KEY.age',
      'half of KEY.json.partial',
      'wrote KEY.json.partial',
      'named KEY.json',
    ]);
    for (const { step, folder: left } of disk.moments) {
      const keystore = open(left);
      const listed = await keystore.list();
      expect(listed, step).toEqual(step === `named ${key.id}.json` ? [key] : []);
      for (const each of listed) await expectOpens(keystore, each);
      const next = await keystore.create({ kind: 'x25519', now });
      expect(await activeIds(keystore), step).toEqual([next.id]);
    }
  });

  it('of a new key leaves exactly one active key, the old or the new one, and every key opens', async () => {
    const folder = join(work, 'keys');
    const old = await open(folder).create({ kind: 'x25519', now });
    const disk = new RecordingDisk(folder);
    const fresh = await open(folder, disk).create({ kind: 'x25519', now });
    const name = (step: string): string => step.replace(old.id, 'OLD').replace(fresh.id, 'NEW');
    const seen: string[] = [];
    for (const { step, folder: left } of disk.moments) {
      const keystore = open(left);
      const active = await keystore.active();
      expect(await activeIds(keystore), step).toEqual([active.id]);
      for (const each of await keystore.list()) await expectOpens(keystore, each);
      seen.push(`${name(step)}: ${active.id === fresh.id ? 'new' : 'old'}`);
      const next = await keystore.create({ kind: 'x25519', now });
      expect(await activeIds(keystore), step).toEqual([next.id]);
      expect(next.parentId).toBe(active.id);
    }
    expect(seen).toEqual([
      'before: old',
      'half of NEW.age.partial: old',
      'wrote NEW.age.partial: old',
      'named NEW.age: old',
      'half of NEW.json.partial: old',
      'wrote NEW.json.partial: old',
      'named NEW.json: new',
      'half of OLD.json.partial: new',
      'wrote OLD.json.partial: new',
      'named OLD.json: new',
    ]);
  });

  it('is a finding where it left something, until the next change has cleared it away', async () => {
    const folder = join(work, 'keys');
    await open(folder).create({ kind: 'x25519', now });
    const disk = new RecordingDisk(folder);
    await open(folder, disk).create({ kind: 'x25519', now });
    for (const { step, folder: left } of disk.moments) {
      const keystore = open(left);
      const findings = (await keystore.findings()).join('\n');
      if (/half|wrote/.test(step)) expect(findings, step).toContain('was left by a change that was cut off');
      else if (/named .*age/.test(step))
        expect(findings, step).toContain('beside it: its creation was cut off');
      else expect(findings, step).toBe('');
      await keystore.create({ kind: 'x25519', now });
      expect((await keystore.findings()).join('\n'), step).not.toContain('.partial');
    }
  });

  it('of a destruction never leaves a key that is called destroyed and can be opened, and can be finished', async () => {
    const folder = join(work, 'keys');
    const keystore = open(folder);
    const { id } = await keystore.create({ kind: 'x25519', now });
    await keystore.create({ kind: 'x25519', now });
    await keystore.retire(id);
    const disk = new RecordingDisk(folder);
    await open(folder, disk).destroy(id);
    for (const { step, folder: left } of disk.moments) {
      const after = open(left);
      const state = (await after.list()).find((key) => key.id === id)?.state;
      if (state === 'destroyed') expect(existsSync(join(left, `${id}.age`)), step).toBe(false);
      else if (step !== 'before') {
        expect((await after.findings()).join('\n'), step).toContain(
          `\`lowtide keys destroy ${id}\` finishes`,
        );
      }
      expect((await after.destroy(id)).state, step).toBe('destroyed');
      expect(await after.findings(), step).toEqual([]);
    }
  });
});

/** Fails the step with this number as a full disk does. */
class FullDisk implements Disk {
  readonly #failing: number;
  #step = 0;
  fired = false;

  constructor(failing: number) {
    this.#failing = failing;
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<void> {
    if (this.#isFull()) {
      await nodeDisk.writeNew(path, bytes.subarray(0, 10));
      throw this.#refusal();
    }
    await nodeDisk.writeNew(path, bytes);
  }

  async commit(partial: string, final: string): Promise<void> {
    if (this.#isFull()) throw this.#refusal();
    await nodeDisk.commit(partial, final);
  }

  async remove(path: string): Promise<void> {
    await nodeDisk.remove(path);
  }

  #isFull(): boolean {
    this.#step += 1;
    if (this.#step !== this.#failing) return false;
    this.fired = true;
    return true;
  }

  #refusal(): Error {
    return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}

describe('a full disk', () => {
  it.each([1, 2, 3, 4])(
    'at step %i refuses the new key, leaves the old one active and no partial file',
    async (step) => {
      const folder = join(work, 'keys');
      const old = await open(folder).create({ kind: 'x25519', now });
      const disk = new FullDisk(step);
      const keystore = open(folder, disk);
      await expect(keystore.create({ kind: 'x25519', now })).rejects.toMatchObject({
        code: 'keystore_unavailable',
        message: expect.stringContaining('ENOSPC') as string,
      });
      expect(disk.fired).toBe(true);
      expect(await keystore.active()).toEqual(old);
      expect((await keystore.findings()).join('\n')).not.toContain('.partial');
      expect(await activeIds(keystore)).toEqual([old.id]);
      const next = await keystore.create({ kind: 'x25519', now });
      expect(await activeIds(keystore)).toEqual([next.id]);
    },
  );

  it.each([5, 6])(
    'at step %i, when the new key is in force already, is made good by the next change',
    async (step) => {
      const folder = join(work, 'keys');
      const old = await open(folder).create({ kind: 'x25519', now });
      const stateOnDisk = (): unknown =>
        (JSON.parse(readFileSync(join(folder, `${old.id}.json`), 'utf8')) as { state: unknown }).state;
      const disk = new FullDisk(step);
      const keystore = open(folder, disk);
      const fresh = await keystore.create({ kind: 'x25519', now });
      expect([disk.fired, stateOnDisk()]).toEqual([true, 'active']);
      expect(await keystore.list()).toEqual([{ ...old, state: 'retiring' }, fresh]);
      expect((await keystore.retire(old.id)).state).toBe('retired');
      expect(stateOnDisk()).toBe('retired');
    },
  );
});
