import { identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { parseHeader } from './header.ts';
import { generateIdentity, recipientOf, unwrapFileKey } from './identity.ts';
import { newHeader } from './recipients.ts';

const x25519 = await generateIdentity('x25519');
const hybrid = await generateIdentity('hybrid');

describe('an identity', () => {
  it('is new every time, of the kind asked for, and has a recipient', async () => {
    expect(x25519).toMatch(/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/);
    expect(hybrid).toMatch(/^AGE-SECRET-KEY-PQ-1[0-9A-Z]{58}$/);
    expect(await generateIdentity('x25519')).not.toBe(x25519);
    expect(await recipientOf(x25519)).toBe(await identityToRecipient(x25519));
    expect(await recipientOf(hybrid)).toMatch(/^age1pq1/);
  });

  const slip = (text: string): string =>
    `${text.slice(0, -3)}${text.at(-3) === 'Q' ? 'P' : 'Q'}${text.slice(-2)}`;
  it.each([
    ['nothing', ''],
    ['a word', 'secret-of-mine'],
    ['an X25519 one with a slip', slip(x25519)],
    ['a hybrid one with a slip', slip(hybrid)],
    ['a cut one', x25519.slice(0, -5)],
    ['small letters', x25519.toLowerCase()],
    ["a plugin's", 'AGE-PLUGIN-YUBIKEY-1GKZ5QYZ8RMJDPGQ6XG8A0'],
  ])('that is none (%s) is refused without repeating it', async (_name, text) => {
    const header = parseHeader((await newHeader([await recipientOf(x25519)])).bytes);
    for (const use of [recipientOf, (given: string) => unwrapFileKey(header, [given])]) {
      const thrown = (await use(text).catch((error: unknown) => error)) as Error;
      expect(thrown).toMatchObject({ code: 'identity_invalid' });
      expect(thrown.cause).toBeUndefined();
      if (text !== '')
        expect(`${thrown.message}${String(thrown.stack)}${JSON.stringify(thrown)}`).not.toContain(text);
    }
  });

  it('is tried after others that do not fit, of either kind', async () => {
    const header = parseHeader((await newHeader([await recipientOf(hybrid)])).bytes);
    expect(await unwrapFileKey(header, [await generateIdentity('hybrid'), x25519, hybrid])).toHaveLength(16);
    await expect(unwrapFileKey(header, [x25519])).rejects.toMatchObject({
      code: 'no_identity_match',
      message: 'none of 1 identities opens this file, which is sealed to: mlkem768x25519, x-grease',
    });
    await expect(unwrapFileKey(header, [])).rejects.toMatchObject({ code: 'no_identity_match' });
  });
});
