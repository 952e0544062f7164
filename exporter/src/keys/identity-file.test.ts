import { bech32 } from '@scure/base';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { formatIdentityFile, parseEnvironmentKey, parseIdentity } from './identity-file.ts';

const x25519 = await generateX25519Identity();
const hybrid = await generateHybridIdentity();
const ageKeygen = `# created: 2021-01-02T15:30:45+01:00\n# public key: age1lvyv\n${x25519}\n`;

const secretBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kinds = fc.constantFrom('age-secret-key-', 'age-secret-key-pq-');
const identities = fc
  .tuple(kinds, secretBytes)
  .map(([prefix, bytes]) => bech32.encodeFromBytes(prefix, bytes).toUpperCase());

function refusalOf(action: () => unknown): LowtideError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof LowtideError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

/** Everything of an error that could reach a log. */
function everythingIn(error: LowtideError): string {
  return [error.message, error.hint, error.stack, String(error.cause)].join('\n');
}

describe('parseIdentity', () => {
  it.each([
    ['a bare identity', x25519, x25519],
    ['a post-quantum identity', `${hybrid}\n`, hybrid],
    ['a file of age-keygen', ageKeygen, x25519],
    ['Windows line ends, a byte order mark and blanks', `\uFEFF# key\r\n\r\n  ${x25519} \r\n`, x25519],
  ])('reads %s', (_, text, identity) => {
    expect(parseIdentity(text, 'key.txt')).toBe(identity);
  });

  it.each([
    ['an empty text', '', 'key.txt holds no identity'],
    ['comments alone', '# public key: age1…\n', 'key.txt holds no identity'],
    [
      'a recipient',
      'age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z',
      'key.txt holds a recipient, the public half of a key',
    ],
    ['an encrypted identity', 'age-encryption.org/v1\n-> scrypt …', 'key.txt is encrypted with age'],
    ['an armored one', '-----BEGIN AGE ENCRYPTED FILE-----\n…', 'key.txt is encrypted with age'],
    ['a plugin', 'AGE-PLUGIN-YUBIKEY-1Q…', "key.txt holds a plugin's identity"],
    ['an SSH key', '-----BEGIN OPENSSH PRIVATE KEY-----\n…', 'key.txt holds a key of another program'],
    ['two identities', `${x25519}\n# and\n${hybrid}`, 'key.txt has more than one key (line 3)'],
    ['small letters', `# my key\n${x25519.toLowerCase()}`, 'key.txt has no age identity in line 2'],
    [
      'mixed letters',
      `${x25519.slice(0, -1)}${x25519.slice(-1).toLowerCase()}x`,
      'key.txt has no age identity in line 1',
    ],
    ['a missing character', x25519.slice(0, -1), 'key.txt has no age identity in line 1'],
    [
      'too short a secret',
      bech32.encodeFromBytes('age-secret-key-', new Uint8Array(31)).toUpperCase(),
      'key.txt has no age identity in line 1',
    ],
    [
      'an unknown kind',
      bech32.encodeFromBytes('age-secret-key-xy-', new Uint8Array(32)).toUpperCase(),
      'key.txt has no age identity in line 1',
    ],
  ])('refuses %s', (_, text, message) => {
    const refusal = refusalOf(() => parseIdentity(text, 'key.txt'));
    expect([refusal.code, refusal.message]).toEqual(['identity_invalid', message]);
    expect(refusal.hint).toBeTruthy();
  });

  it('reads back what formatIdentityFile writes', () => {
    fc.assert(
      fc.property(
        identities,
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
        (identity, date) => {
          const text = formatIdentityFile(identity, { recipient: 'age1sample', createdAt: date.getTime() });
          expect(parseIdentity(text, 'key.txt')).toBe(identity);
        },
      ),
    );
  });

  it('finds any mistyped character, and repeats none of the secret', () => {
    const letter = fc
      .integer({ min: 0, max: 31 })
      .map((index) => 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.charAt(index));
    fc.assert(
      fc.property(identities, fc.nat(), letter, (identity, position, other) => {
        const index = identity.length - 1 - (position % 58);
        fc.pre(identity[index] !== other);
        const mistyped = identity.slice(0, index) + other + identity.slice(index + 1);
        const refusal = refusalOf(() => parseIdentity(mistyped, 'key.txt'));
        const data = mistyped.slice(mistyped.lastIndexOf('1') + 1);
        for (let at = 0; at + 8 <= data.length; at += 1) {
          expect(everythingIn(refusal).toUpperCase()).not.toContain(data.slice(at, at + 8));
        }
      }),
    );
  });
});

describe('parseEnvironmentKey', () => {
  it('takes 32 bytes as hex, base64 and base64url for the same key', () => {
    fc.assert(
      fc.property(secretBytes, (bytes) => {
        const buffer = Buffer.from(bytes);
        const expected = bech32.encodeFromBytes('age-secret-key-', bytes).toUpperCase();
        const spellings = [
          buffer.toString('hex'),
          buffer.toString('hex').toUpperCase(),
          buffer.toString('base64'),
          buffer.toString('base64').replace('=', ''),
          buffer.toString('base64url'),
          `${buffer.toString('base64url')}=`,
          ` ${buffer.toString('base64')}\n`,
          expected,
        ];
        expect(spellings.map(parseEnvironmentKey)).toEqual(spellings.map(() => expected));
      }),
    );
  });

  it('makes identities that age accepts', async () => {
    const key = parseEnvironmentKey(Buffer.alloc(32, 7).toString('base64'));
    expect(await identityToRecipient(key)).toMatch(/^age1[a-z0-9]{58}$/);
  });

  it('reads an identity file as well', () => {
    expect(parseEnvironmentKey(ageKeygen)).toBe(x25519);
    expect(parseEnvironmentKey(hybrid)).toBe(hybrid);
  });

  it.each([
    ['nothing', ''],
    ['a password', 'correct horse battery staple'],
    ['a short password', 'hunter2'],
    ['31 bytes in hex', 'ab'.repeat(31)],
    ['33 bytes in hex', 'ab'.repeat(33)],
    ['31 bytes in base64', Buffer.alloc(31, 200).toString('base64')],
    ['33 bytes in base64', Buffer.alloc(33, 200).toString('base64')],
    ['both alphabets of base64', `+_${'A'.repeat(41)}=`],
    ['an identity cut off', x25519.slice(0, 50)],
  ])('refuses %s without repeating it', (_, text) => {
    const refusal = refusalOf(() => parseEnvironmentKey(text));
    expect(refusal.code).toBe('identity_invalid');
    expect(refusal.message).toMatch(/^BACKUP_ENCRYPTION_KEY /);
    expect(refusal.hint).toBeTruthy();
    if (text !== '') expect(everythingIn(refusal)).not.toContain(text);
  });
});
