import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  Decrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fileKeystore, type FileKeystoreOptions } from './file.ts';
import { keyIdOf } from './key.ts';
import type { Key, Keystore } from './keystore.ts';

const passphrase = 'pouring oil on troubled waters';
const now = Date.UTC(2026, 10, 24, 2, 30);

let work: string;
let folder: string;
let keystore: Keystore;

/** Made once. */
let template: string;
let templateKey: Key;
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
  templateKey = await fileKeystore({ folder: template, passphrase, scryptLogN: 6 }).create({
    kind: 'x25519',
    now,
  });
});
afterAll(() => rmSync(template, { recursive: true }));

/** Puts a keystore in place that holds one active key. */
function givenKey(): Key {
  cpSync(template, folder, { recursive: true, preserveTimestamps: true });
  return templateKey;
}

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
  folder = join(work, 'deep', 'keys');
  keystore = open();
});
afterEach(() => rmSync(work, { recursive: true }));

function open(more: Partial<FileKeystoreOptions> = {}): Keystore {
  return fileKeystore({ folder, passphrase, scryptLogN: 6, ...more });
}

const secretOf = (id: string): string => join(folder, `${id}.age`);
const metadataOf = (id: string): string => join(folder, `${id}.json`);

function editMetadata(id: string, edit: Record<string, unknown>): void {
  const metadata = JSON.parse(readFileSync(metadataOf(id), 'utf8')) as Record<string, unknown>;
  writeFileSync(metadataOf(id), JSON.stringify({ ...metadata, ...edit }));
}

describe('an empty keystore', () => {
  it('has no keys, makes no folder, and says how to make one', async () => {
    expect(await keystore.list()).toEqual([]);
    await expect(keystore.active()).rejects.toMatchObject({
      code: 'key_missing',
      hint: '`lowtide keys new` makes one.',
    });
    await expect(keystore.identity('key-0123456789ab')).rejects.toMatchObject({ code: 'key_missing' });
    expect(await keystore.findings()).toEqual([expect.stringContaining('has no active key')]);
    expect(existsSync(folder)).toBe(false);
  });

  it('looks for no key outside of its folder', async () => {
    await expect(keystore.identity('../keys/key-0123456789ab')).rejects.toMatchObject({
      code: 'key_missing',
    });
  });
});

describe('create', () => {
  it.each(['x25519', 'hybrid'] as const)(
    'makes an active %s key whose identity fits its recipient',
    async (kind) => {
      const key = await keystore.create({ kind, now });
      expect(key).toEqual({
        id: keyIdOf(key.recipient),
        recipient: expect.stringMatching(kind === 'hybrid' ? /^age1pq1/ : /^age1(?!pq1)/) as string,
        state: 'active',
        createdAt: now,
        origin: 'generated',
        purpose: 'backup',
      });
      expect(await keystore.active()).toEqual(key);
      expect(await identityToRecipient(await keystore.identity(key.id))).toBe(key.recipient);
      expect(await keystore.findings()).toEqual([]);
    },
  );

  it('retires the key before, and remembers it as the parent', async () => {
    const first = givenKey();
    const second = await keystore.create({ kind: 'x25519', now: now + 1000 });
    expect(second.parentId).toBe(first.id);
    expect(await keystore.list()).toEqual([{ ...first, state: 'retiring' }, second]);
    expect(await keystore.active()).toEqual(second);
  });

  it('goes by the order of creation, not by a clock that was set back', async () => {
    const first = givenKey();
    const second = await keystore.create({ kind: 'x25519', now: now - 86_400_000 });
    expect((await keystore.list()).map(({ id }) => id)).toEqual([first.id, second.id]);
    expect((await keystore.active()).id).toBe(second.id);
  });

  it('writes files that only the owner may read, in a folder that only the owner may enter', async () => {
    const { id } = await keystore.create({ kind: 'x25519', now });
    const modes = [folder, ...readdirSync(folder).map((name) => join(folder, name))].map((path) =>
      (statSync(path).mode & 0o777).toString(8),
    );
    expect(readdirSync(folder)).toEqual([`${id}.age`, `${id}.json`, 'keystore.lock']);
    expect(modes).toEqual(['700', '600', '600', '600']);
  });

  it('writes the identity as a passphrase file of age, with the comments of age-keygen', async () => {
    keystore = fileKeystore({ folder, passphrase });
    const key = await keystore.create({ kind: 'x25519', now });
    const sealed = readFileSync(secretOf(key.id));
    expect(sealed.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 16\n/);
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    expect(await decrypter.decrypt(sealed, 'text')).toBe(
      `# created: 2026-11-24T02:30:00.000Z\n# public key: ${key.recipient}\n${await keystore.identity(key.id)}\n`,
    );
  });

  it('refuses without a passphrase, and says how to set one', async () => {
    const locked = fileKeystore({ folder });
    await expect(locked.create({ kind: 'x25519', now })).rejects.toMatchObject({
      code: 'keystore_locked',
      hint: expect.stringContaining('encryption.passphrase') as string,
    });
    expect(existsSync(folder)).toBe(false);
  });

  it('refuses to begin a second passphrase beside the first', async () => {
    const first = givenKey();
    const other = open({ passphrase: 'another' });
    await expect(other.create({ kind: 'x25519', now })).rejects.toMatchObject({ code: 'keystore_locked' });
    await expect(
      other.import(await generateX25519Identity(), { origin: 'imported', purpose: 'backup', now }),
    ).rejects.toMatchObject({ code: 'keystore_locked' });
    expect(await other.list()).toEqual([first]);
  });

  it('replaces a key whose secret is lost', async () => {
    const lost = givenKey();
    rmSync(secretOf(lost.id));
    const key = await open().create({ kind: 'x25519', now });
    expect(await keystore.active()).toEqual({ ...key, parentId: lost.id });
  });
});

it('a key made for a rotation says so, whoever asks', async () => {
  givenKey();
  const key = await keystore.create({ kind: 'x25519', now, rotationId: 'o1' });
  expect(key.rotationId).toBe('o1');
  expect(await open().active()).toEqual(key);
});

describe('import', () => {
  it('makes the first key active, and those that follow retiring', async () => {
    const [first, second] = [await generateX25519Identity(), await generateHybridIdentity()];
    const active = await keystore.import(first, { origin: 'imported', purpose: 'backup', now });
    const other = await keystore.import(second, { origin: 'environment', purpose: 'backup', now });
    expect([active.state, active.origin, other.state, other.origin]).toEqual([
      'active',
      'imported',
      'retiring',
      'environment',
    ]);
    expect(await open().identity(other.id)).toBe(second);
    expect(await keystore.list()).toEqual([active, other]);
  });

  it('makes a key active that is to be, and the one before retiring', async () => {
    const first = givenKey();
    const identity = await generateX25519Identity();
    const second = await keystore.import(identity, {
      origin: 'imported',
      purpose: 'backup',
      now,
      activate: true,
    });
    expect(second).toMatchObject({ state: 'active', parentId: first.id });
    expect(await open().active()).toEqual(second);
    expect((await open().list()).map(({ state }) => state)).toEqual(['retiring', 'active']);
  });

  it.each(['recovery', 'restore'] as const)('never makes a key active that is for %s', async (purpose) => {
    const identity = await generateX25519Identity();
    const key = await keystore.import(identity, { origin: 'imported', purpose, now, activate: true });
    expect(key).toMatchObject({ state: 'retiring', purpose });
    await expect(open().active()).rejects.toMatchObject({ code: 'key_missing' });
    expect(await open().identity(key.id)).toBe(identity);
    const next = await keystore.create({ kind: 'x25519', now });
    expect(next).toMatchObject({ state: 'active', purpose: 'backup' });
    expect(next.parentId).toBeUndefined();
    expect(await open().list()).toEqual([key, next]);
  });

  it('refuses a key it has', async () => {
    const key = givenKey();
    const again = keystore.import(await keystore.identity(key.id), {
      origin: 'imported',
      purpose: 'backup',
      now: now + 1,
    });
    await expect(again).rejects.toMatchObject({ code: 'key_exists' });
    expect(await keystore.list()).toEqual([key]);
  });

  it('gives a lost secret back to its key', async () => {
    const key = givenKey();
    const identity = await keystore.identity(key.id);
    rmSync(secretOf(key.id));
    const found = await open().import(identity, { origin: 'imported', purpose: 'backup', now: now + 1 });
    expect(found).toEqual(key);
    expect(await open().identity(key.id)).toBe(identity);
  });

  it('refuses what is no identity', async () => {
    await expect(
      keystore.import('age1xyz', { origin: 'imported', purpose: 'backup', now }),
    ).rejects.toMatchObject({
      code: 'identity_invalid',
    });
  });
});

describe('identity', () => {
  it('is refused with the remedy where the passphrase is missing or wrong', async () => {
    const { id } = givenKey();
    for (const locked of [fileKeystore({ folder }), open({ passphrase: 'wrong' })]) {
      await expect(locked.identity(id)).rejects.toMatchObject({
        code: 'keystore_locked',
        hint: expect.stringContaining('encryption.passphrase') as string,
      });
    }
    expect((await fileKeystore({ folder }).active()).id).toBe(id);
  });

  it('is unlocked once and then kept, also for those who ask at the same time', async () => {
    const { id } = givenKey();
    const other = open();
    const identities = await Promise.all([other.identity(id), other.identity(id)]);
    rmSync(secretOf(id));
    expect(await other.identity(id)).toBe(identities[0]);
    await expect(open().identity(id)).rejects.toMatchObject({ code: 'key_missing' });
  });

  it('can be asked for again after a refusal', async () => {
    const { id } = givenKey();
    const other = open();
    renameSync(secretOf(id), join(work, 'away'));
    await expect(other.identity(id)).rejects.toMatchObject({ code: 'key_missing' });
    renameSync(join(work, 'away'), secretOf(id));
    expect(await other.identity(id)).toBe(await keystore.identity(id));
  });

  it('still opens a key whose metadata are lost', async () => {
    const { id } = givenKey();
    rmSync(metadataOf(id));
    expect(await open().identity(id)).toBe(await keystore.identity(id));
  });

  it('is not shown by whatever prints the keystore', async () => {
    const { id } = givenKey();
    const identity = await keystore.identity(id);
    const shown = inspect(keystore, { depth: 9, showHidden: true }) + JSON.stringify(keystore);
    expect(shown).not.toContain(passphrase);
    expect(shown).not.toContain(identity);
  });
});

describe('tampering', () => {
  it('damaged metadata are refused by their name', async () => {
    const { id } = givenKey();
    writeFileSync(metadataOf(id), '{');
    const asks = [() => keystore.list(), () => keystore.active(), () => keystore.identity(id)];
    for (const ask of asks) {
      await expect(ask()).rejects.toMatchObject({
        code: 'keystore_invalid',
        message: expect.stringContaining(`${metadataOf(id)} is not JSON`) as string,
      });
    }
  });

  it('a recipient that is not the one of the key is refused before anything is sealed to it', async () => {
    const { id } = givenKey();
    editMetadata(id, { recipient: await identityToRecipient(await generateX25519Identity()) });
    await expect(keystore.active()).rejects.toMatchObject({
      code: 'keystore_invalid',
      message: expect.stringContaining(metadataOf(id)) as string,
    });
  });

  it('the identity of another key is refused', async () => {
    const first = givenKey();
    const second = await keystore.create({ kind: 'x25519', now });
    copyFileSync(secretOf(first.id), secretOf(second.id));
    const refusal = {
      code: 'keystore_invalid',
      message: `${secretOf(second.id)} holds the identity of another key`,
    };
    await expect(open().identity(second.id)).rejects.toMatchObject(refusal);
    rmSync(metadataOf(second.id));
    await expect(open().identity(second.id)).rejects.toMatchObject(refusal);
  });

  it('no changed byte of the identity file goes unnoticed', async () => {
    const { id } = givenKey();
    const whole = readFileSync(secretOf(id));
    const places = [0, 30, 45, whole.indexOf('--- ') + 6, whole.length - 120, whole.length - 1];
    for (const place of places) {
      const changed = Buffer.from(whole);
      changed[place]! ^= 1;
      writeFileSync(secretOf(id), changed);
      await expect(open().identity(id), `byte ${place}`).rejects.toMatchObject({
        code: expect.stringMatching(/^keystore_(invalid|locked)$/) as string,
        message: expect.stringContaining(secretOf(id)) as string,
      });
    }
    for (const length of [0, 10, whole.length - 1]) {
      writeFileSync(secretOf(id), whole.subarray(0, length));
      await expect(open().identity(id), `${length} bytes`).rejects.toMatchObject({
        code: 'keystore_invalid',
      });
    }
  });

  it('a damaged old key does not keep the active one from being used', async () => {
    const first = givenKey();
    const second = await keystore.create({ kind: 'x25519', now });
    writeFileSync(metadataOf(first.id), '{');
    expect(await keystore.active()).toEqual(second);
    expect(await keystore.identity(second.id)).toMatch(/^AGE-SECRET-KEY-1/);
    await expect(keystore.list()).rejects.toMatchObject({ code: 'keystore_invalid' });
  });

  it('an active key whose secret is gone is not sealed to', async () => {
    const { id } = givenKey();
    rmSync(secretOf(id));
    await expect(keystore.active()).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringContaining(secretOf(id)) as string,
    });
  });
});

describe('retire and destroy', () => {
  it('end the life of a key that another has replaced', async () => {
    const first = givenKey();
    const second = await keystore.create({ kind: 'x25519', now });
    expect((await keystore.retire(first.id)).state).toBe('retired');
    expect((await keystore.retire(first.id)).state).toBe('retired');
    expect(await keystore.identity(first.id)).toMatch(/^AGE-SECRET-KEY-1/);
    expect((await keystore.destroy(first.id)).state).toBe('destroyed');
    expect((await keystore.destroy(first.id)).state).toBe('destroyed');
    expect(existsSync(secretOf(first.id))).toBe(false);
    await expect(keystore.identity(first.id)).rejects.toMatchObject({ code: 'key_missing' });
    expect(await keystore.list()).toEqual([{ ...first, state: 'destroyed' }, second]);
    expect(await keystore.findings()).toEqual([]);
  });

  it('leave the active key alone, and destroy nothing that is not retired', async () => {
    const first = givenKey();
    await expect(keystore.retire(first.id)).rejects.toMatchObject({ code: 'key_in_use' });
    await expect(keystore.destroy(first.id)).rejects.toMatchObject({ code: 'key_in_use' });
    await keystore.create({ kind: 'x25519', now });
    await expect(keystore.destroy(first.id)).rejects.toMatchObject({ code: 'key_in_use' });
    await expect(keystore.retire('key-0123456789ab')).rejects.toMatchObject({ code: 'key_missing' });
    expect(await open().identity(first.id)).toMatch(/^AGE-SECRET-KEY-1/);
  });

  it('can be undone by importing the identity again', async () => {
    const first = givenKey();
    const identity = await keystore.identity(first.id);
    await keystore.create({ kind: 'x25519', now });
    await keystore.retire(first.id);
    await keystore.destroy(first.id);
    const back = await keystore.import(identity, { origin: 'imported', purpose: 'backup', now: now + 5 });
    expect([back.state, back.createdAt]).toEqual(['retiring', now + 5]);
    expect(await open().identity(first.id)).toBe(identity);
  });
});

describe('two keystores on one folder', () => {
  it('create at once without losing a key, a state or an order', async () => {
    givenKey();
    const [left, right] = [open(), open()];
    const made = await Promise.all(
      [left, right, left, right].map((each) => each.create({ kind: 'x25519', now })),
    );
    const keys = await keystore.list();
    expect(new Set(keys.slice(1).map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
    expect(keys.map(({ parentId }) => parentId)).toEqual([
      undefined,
      ...keys.slice(0, -1).map(({ id }) => id),
    ]);
    expect(keys.map(({ state }) => state)).toEqual([
      'retiring',
      'retiring',
      'retiring',
      'retiring',
      'active',
    ]);
    expect(await keystore.findings()).toEqual([]);
  });

  it('show one active key to whoever looks, also in the middle of a change', async () => {
    givenKey();
    const writer = open();
    let writing = true;
    const watch = async (): Promise<number> => {
      let looks = 0;
      for (; writing; looks += 1) {
        expect((await keystore.list()).filter(({ state }) => state === 'active')).toHaveLength(1);
      }
      return looks;
    };
    const watching = watch();
    for (let count = 0; count < 60; count += 1) await writer.create({ kind: 'x25519', now });
    writing = false;
    expect(await watching).toBeGreaterThan(60);
  });

  it('import the same key once', async () => {
    const identity = await generateX25519Identity();
    const both = await Promise.allSettled(
      [open(), open()].map((each) => each.import(identity, { origin: 'imported', purpose: 'backup', now })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await keystore.list()).toHaveLength(1);
  });
});
