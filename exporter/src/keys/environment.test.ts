import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Decrypter, Encrypter, generateX25519Identity } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importEnvironmentKey } from './environment.ts';
import { fileKeystore } from './file.ts';
import type { Keystore } from './keystore.ts';

const now = Date.UTC(2026, 10, 24);
/** What the predecessor of Lowtide was given: 32 bytes in base64. */
const legacy = Buffer.alloc(32, 'legacy').toString('base64');

let folder: string;
let keystore: Keystore;
const open = (): Keystore => fileKeystore({ folder, passphrase: 'p', scryptLogN: 6 });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
  keystore = open();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('BACKUP_ENCRYPTION_KEY', () => {
  it('becomes the active key of an empty keystore, and seals and opens as age does', async () => {
    const key = await importEnvironmentKey(keystore, legacy, now);
    expect(await keystore.active()).toEqual(key);
    expect(key).toMatchObject({ state: 'active', origin: 'environment', createdAt: now });
    const encrypter = new Encrypter();
    encrypter.addRecipient((await keystore.active()).recipient);
    const decrypter = new Decrypter();
    decrypter.addIdentity(await open().identity(key?.id ?? ''));
    expect(await decrypter.decrypt(await encrypter.encrypt('tide'), 'text')).toBe('tide');
  });

  it('is taken over once, in whatever spelling it comes', async () => {
    const key = await importEnvironmentKey(keystore, legacy, now);
    const hex = Buffer.from(legacy, 'base64').toString('hex');
    for (const text of [legacy, hex, `# the same\n${await keystore.identity(key?.id ?? '')}\n`]) {
      expect(await importEnvironmentKey(open(), text, now + 1)).toBeUndefined();
    }
    expect(await keystore.list()).toEqual([key]);
  });

  it('stands back where another key is active', async () => {
    const active = await keystore.create({ kind: 'x25519', now });
    const key = await importEnvironmentKey(keystore, legacy, now);
    expect(key?.state).toBe('retiring');
    expect(await keystore.active()).toEqual(active);
  });

  it('does not come back to life after it was replaced and destroyed', async () => {
    const id = (await importEnvironmentKey(keystore, legacy, now))?.id ?? '';
    await keystore.create({ kind: 'x25519', now });
    await keystore.retire(id);
    await keystore.destroy(id);
    expect(await importEnvironmentKey(keystore, legacy, now)).toBeUndefined();
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['destroyed', 'active']);
  });

  it('is taken over by one of two processes that start together, and neither fails', async () => {
    const text = await generateX25519Identity();
    const both = await Promise.all([open(), open()].map((each) => importEnvironmentKey(each, text, now)));
    expect(both.filter((key) => key !== undefined)).toHaveLength(1);
    expect(await keystore.list()).toHaveLength(1);
  });

  it('is refused where it is no key, without being repeated', async () => {
    const refusal = importEnvironmentKey(keystore, 'hunter2-hunter2', now);
    await expect(refusal).rejects.toMatchObject({
      code: 'identity_invalid',
      message:
        'BACKUP_ENCRYPTION_KEY is neither an age identity nor 32 bytes as hex (64 digits) or base64 (43 or 44 characters)',
    });
  });

  it('cannot be kept without a passphrase', async () => {
    const refusal = importEnvironmentKey(fileKeystore({ folder }), legacy, now);
    await expect(refusal).rejects.toMatchObject({ code: 'keystore_locked' });
  });
});
