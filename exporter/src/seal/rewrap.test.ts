import { Decrypter } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { paddedHeaderBytes, parseHeader } from './header.ts';
import { generateIdentity, recipientOf, unwrapFileKey, type KeyKind } from './identity.ts';
import { newHeader } from './recipients.ts';
import { Rewrapper } from './rewrap.ts';

async function keyPair(kind: KeyKind): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateIdentity(kind);
  return { identity, recipient: await recipientOf(identity) };
}

describe('rewrapping a header', () => {
  it.each<[KeyKind, KeyKind]>([
    ['x25519', 'x25519'],
    ['x25519', 'hybrid'],
    ['hybrid', 'x25519'],
    ['hybrid', 'hybrid'],
  ])('from %s to %s keeps the file key and the length, and every old stanza goes', async (from, to) => {
    const [old, next, recovery] = [await keyPair(from), await keyPair(to), await keyPair(to)];
    const before = await newHeader([old.recipient]);
    const after = await new Rewrapper([old.identity], [next.recipient, recovery.recipient]).rewrap(
      before.bytes,
    );
    expect(after.bytes).toHaveLength(paddedHeaderBytes);
    expect(before.bytes).toHaveLength(paddedHeaderBytes);
    for (const { identity } of [next, recovery]) {
      // Typage checks the MAC as well, and knows nothing of how we wrap.
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      expect(Buffer.from(await decrypter.decryptHeader(after.bytes))).toEqual(Buffer.from(before.fileKey));
    }
    await expect(unwrapFileKey(parseHeader(after.bytes), [old.identity])).rejects.toMatchObject({
      code: 'no_identity_match',
    });
    const shares = (bytes: Uint8Array): (string | undefined)[] =>
      parseHeader(bytes).stanzas.map((stanza) => stanza.args[1]);
    expect(shares(after.bytes).filter((share) => shares(before.bytes).slice(0, 1).includes(share))).toEqual(
      [],
    );
  });

  it('takes whichever identity fits, and looks no further than the header', async () => {
    const [one, other, next] = [await keyPair('x25519'), await keyPair('x25519'), await keyPair('x25519')];
    const rewrapper = new Rewrapper([one.identity, other.identity], [next.recipient]);
    const { bytes, fileKey } = await newHeader([other.recipient]);
    const after = await rewrapper.rewrap(Buffer.concat([bytes, Buffer.alloc(100, 7)]));
    expect(Buffer.from(after.fileKey)).toEqual(Buffer.from(fileKey));
    expect(await unwrapFileKey(parseHeader(after.bytes), [next.identity])).toEqual(Buffer.from(fileKey));
  });

  it('refuses a header that was changed, one for somebody else, and one that is cut', async () => {
    const [old, next] = [await keyPair('x25519'), await keyPair('x25519')];
    const rewrapper = new Rewrapper([old.identity], [next.recipient]);
    const { bytes } = await newHeader([old.recipient]);
    const changed = Buffer.from(bytes);
    changed.write('B', changed.indexOf('AAAA'));
    await expect(rewrapper.rewrap(changed)).rejects.toMatchObject({ code: 'header_invalid' });
    await expect(rewrapper.rewrap(bytes.subarray(0, 4000))).rejects.toMatchObject({ code: 'header_invalid' });
    const foreign = await newHeader([next.recipient]);
    await expect(rewrapper.rewrap(foreign.bytes)).rejects.toMatchObject({ code: 'no_identity_match' });
  });

  it('refuses recipients that cannot share a file, none at all, and what is no key', async () => {
    const [one, other] = [await keyPair('x25519'), await keyPair('hybrid')];
    const make = (identity: string, ...recipients: string[]): (() => Rewrapper) => {
      return () => new Rewrapper([identity], recipients);
    };
    const refused = (code: string): unknown => expect.objectContaining({ code });
    expect(make(one.identity, one.recipient, other.recipient)).toThrow(refused('recipient_invalid'));
    expect(make(one.identity)).toThrow(refused('recipient_invalid'));
    expect(make(one.identity, 'age1nobody')).toThrow(refused('recipient_invalid'));
    expect(make('AGE-SECRET-KEY-1', one.recipient)).toThrow(refused('identity_invalid'));
  });
});
