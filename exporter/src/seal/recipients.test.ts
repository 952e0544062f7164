import { bech32 } from '@scure/base';
import { describe, expect, it } from 'vitest';
import { checkMac, parseHeader } from './header.ts';
import { generateIdentity, isRecipient, recipientKind, recipientOf, unwrapFileKey } from './identity.ts';
import { newHeader } from './recipients.ts';

const x25519 = await generateIdentity('x25519');
const hybrid = await generateIdentity('hybrid');
const recipients = { x25519: await recipientOf(x25519), hybrid: await recipientOf(hybrid) };
const many = (recipient: string, count: number): string[] => Array.from({ length: count }, () => recipient);

const refusal = (message: string): Error =>
  expect.objectContaining({
    code: 'recipient_invalid',
    message: expect.stringContaining(message) as string,
  }) as Error;

describe('a new header', () => {
  it.each(['x25519', 'hybrid'] as const)(
    'of several %s recipients is opened by each of them',
    async (kind) => {
      const identities = await Promise.all([1, 2, 3].map(() => generateIdentity(kind)));
      const { bytes, fileKey } = await newHeader(await Promise.all(identities.map(recipientOf)));
      const header = parseHeader(bytes);
      checkMac(header, fileKey);
      for (const identity of identities) {
        expect(Buffer.from(fileKey).equals(await unwrapFileKey(header, [identity]))).toBe(true);
      }
      await expect(unwrapFileKey(header, [x25519, hybrid])).rejects.toMatchObject({
        code: 'no_identity_match',
      });
    },
  );

  it('has a file key of its own every time', async () => {
    const made = await Promise.all(many(recipients.x25519, 20).map((recipient) => newHeader([recipient])));
    expect(new Set(made.map(({ fileKey }) => Buffer.from(fileKey).toString('hex'))).size).toBe(20);
  });

  it('is refused without a recipient', async () => {
    await expect(newHeader([])).rejects.toThrow(refusal('no recipient'));
  });

  it('is refused for kinds of different strength', async () => {
    await expect(newHeader([recipients.x25519, recipients.hybrid])).rejects.toThrow(refusal('cannot share'));
  });

  it('is refused for more recipients than could be read again', async () => {
    const most = await newHeader(many(recipients.x25519, 128));
    expect(parseHeader(most.bytes).stanzas).toHaveLength(128);
    await expect(newHeader(many(recipients.x25519, 129))).rejects.toThrow(refusal('129 recipients'));
    const mostHybrid = await newHeader(many(recipients.hybrid, 40));
    expect(await unwrapFileKey(parseHeader(mostHybrid.bytes), [hybrid])).toHaveLength(16);
    await expect(newHeader(many(recipients.hybrid, 41))).rejects.toThrow(refusal('41 recipients'));
  });

  it('is refused for what is no recipient, which is not repeated where it may be a secret', async () => {
    for (const secret of [x25519, hybrid, 'a passphrase']) {
      const thrown = await newHeader([recipients.x25519, secret]).catch((error: unknown) => error as Error);
      expect(thrown).toEqual(refusal('is no age recipient'));
      expect(JSON.stringify([(thrown as Error).message, thrown])).not.toContain(secret.slice(-12));
    }
  });
});

describe('a recipient', () => {
  it('is told by its kind', () => {
    expect(recipientKind(recipients.x25519)).toBe('x25519');
    expect(recipientKind(recipients.hybrid)).toBe('hybrid');
  });

  const point = bech32.toWords(Buffer.alloc(32, 9));
  it.each([
    ['nothing', ''],
    ['another prefix', bech32.encode('bc', point)],
    ['a secret', x25519],
    ['capitals', recipients.x25519.toUpperCase()],
    ['spaces around', ` ${recipients.x25519} `],
    ['a line end', `${recipients.x25519}\n`],
    ['a point that is too short', bech32.encode('age', bech32.toWords(Buffer.alloc(31)))],
    ['a point that is too long', bech32.encode('age', bech32.toWords(Buffer.alloc(33)))],
    ['bits left over', bech32.encode('age', [...point.slice(0, -1), 31])],
    ['a plugin', bech32.encode('age1yubikey', point, false)],
    ['a cut hybrid one', recipients.hybrid.slice(0, -1)],
    ['a hybrid prefix over an X25519 point', bech32.encode('age1pq', point)],
    ['an SSH key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKgZ5'],
  ])('is not %s', (_name, text) => expect(isRecipient(text)).toBe(false));

  it('is not one with a slip in any of its letters', () => {
    const { x25519: text } = recipients;
    for (let index = 0; index < text.length; index += 1) {
      const letter = text[index] === 'q' ? 'p' : 'q';
      expect(isRecipient(`${text.slice(0, index)}${letter}${text.slice(index + 1)}`)).toBe(false);
    }
  });
});
