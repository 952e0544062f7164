import { randomBytes } from 'node:crypto';
import { armor, Decrypter, Encrypter } from 'age-encryption';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from './identity.ts';
import { openWithPassphrase, sealWithPassphrase } from './scrypt.ts';

const logN = 2;
const passphrase = 'ebb & flow ü';
const plain = Buffer.from('AGE-SECRET-KEY-…');
const file = await sealWithPassphrase(plain, passphrase, { logN });

describe('a file under a passphrase', () => {
  it('gives back what was sealed, whatever it is and whatever the passphrase', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: 'binary' }),
        async (bytes, word) => {
          const sealed = await sealWithPassphrase(bytes, word, { logN });
          expect(Buffer.from(bytes).equals(await openWithPassphrase(sealed, word))).toBe(true);
        },
      ),
    );
  });

  it.each([0, 65_536, 65_537, 200_000])('holds %i bytes', async (size) => {
    const bytes = randomBytes(size);
    const sealed = await sealWithPassphrase(bytes, passphrase, { logN });
    expect(bytes.equals(await openWithPassphrase(sealed, passphrase))).toBe(true);
  });

  it('is opened by typage, and the other way round, in armor too', async () => {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(passphrase);
    expect(plain.equals(await decrypter.decrypt(file))).toBe(true);
    const encrypter = new Encrypter();
    encrypter.setPassphrase(passphrase);
    encrypter.setScryptWorkFactor(logN);
    const theirs = await encrypter.encrypt(plain);
    for (const form of [
      theirs,
      Buffer.from(armor.encode(theirs)),
      Buffer.from(`\r\n ${armor.encode(theirs)}\n`),
    ]) {
      expect(plain.equals(await openWithPassphrase(form, passphrase))).toBe(true);
    }
  });

  it('does not open with another passphrase', async () => {
    for (const other of ['', 'ebb & flow', `${passphrase} `]) {
      await expect(openWithPassphrase(file, other)).rejects.toMatchObject({ code: 'no_identity_match' });
    }
  });

  it('is told from one that is sealed to keys', async () => {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await recipientOf(await generateIdentity('x25519')));
    await expect(openWithPassphrase(await encrypter.encrypt(plain), passphrase)).rejects.toMatchObject({
      code: 'no_identity_match',
      message: 'this file is not sealed with a passphrase',
    });
  });

  it('is refused with a typed error for any flipped bit, cut or addition', async () => {
    const refused = (bytes: Uint8Array): Promise<void> =>
      expect(openWithPassphrase(bytes, passphrase)).rejects.toMatchObject({
        code: expect.stringMatching(/^(header_invalid|payload_invalid|no_identity_match)$/) as string,
      });
    for (let length = 0; length < file.length; length += 1) await refused(file.subarray(0, length));
    await refused(Buffer.concat([file, Buffer.from([0])]));
    // A work factor may be flipped into one of a gigabyte, which is legal and slow.
    const factor = Buffer.from(file).indexOf('\n', 22) - 1;
    for (let index = 0; index < file.length; index += 1) {
      if (index === factor) continue;
      const changed = Buffer.from(file);
      changed[index]! ^= 1 << (index % 8);
      await refused(changed);
    }
  });

  it.each([0, -1, 1.5, 23, NaN])(
    'is not made with a work factor of 2^%d, which nobody could read',
    async (factor) => {
      await expect(sealWithPassphrase(plain, passphrase, { logN: factor })).rejects.toThrow(RangeError);
    },
  );

  it('is refused for a work factor above what age takes, before any work is done', async () => {
    const changed = Buffer.from(
      Buffer.from(file)
        .toString('latin1')
        .replace(/( 2)\n/, ' 23\n'),
      'latin1',
    );
    await expect(openWithPassphrase(changed, passphrase)).rejects.toMatchObject({
      code: 'header_invalid',
      message: 'the age header is damaged: its scrypt work factor, 2^23, is above 2^22',
    });
  });
});
