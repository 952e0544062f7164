import { describe, expect, it } from 'vitest';
import { parseHeader } from './header.ts';
import { generateIdentity, recipientOf, unwrapFileKey } from './identity.ts';
import { newHeader } from './recipients.ts';
import { RewrapThread } from './rewrap-thread.ts';

const old = await keyPair();
const next = await keyPair();

async function keyPair(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateIdentity('x25519');
  return { identity, recipient: await recipientOf(identity) };
}

describe('the thread that rewraps', () => {
  it('gives each head its own answer, whatever became of the others', async () => {
    await using thread = new RewrapThread();
    const rewrapper = thread.rewrapper(old.identity, [next.recipient]);
    const heads = await Promise.all(Array.from({ length: 40 }, () => newHeader([old.recipient])));
    const foreign = await newHeader([next.recipient]);
    const answers = await Promise.allSettled(
      [...heads, foreign, { bytes: Buffer.from('no header') }].map(({ bytes }) => rewrapper.rewrap(bytes)),
    );
    const [stranger, nonsense] = answers.splice(heads.length);
    for (const [index, answer] of answers.entries()) {
      if (answer.status === 'rejected') throw answer.reason;
      const fileKey = await unwrapFileKey(parseHeader(answer.value.bytes), [next.identity]);
      expect(Buffer.from(fileKey)).toEqual(Buffer.from(heads[index]?.fileKey ?? []));
    }
    expect(stranger).toMatchObject({ status: 'rejected', reason: { code: 'no_identity_match' } });
    expect(nonsense).toMatchObject({ status: 'rejected', reason: { code: 'header_invalid' } });
  });

  it('works for one key after another', async () => {
    await using thread = new RewrapThread();
    const { bytes } = await newHeader([old.recipient]);
    const there = await thread.rewrapper(old.identity, [next.recipient]).rewrap(bytes);
    const back = await thread.rewrapper(next.identity, [old.recipient]).rewrap(there.bytes);
    expect(await unwrapFileKey(parseHeader(back.bytes), [old.identity])).toBeDefined();
    await expect(thread.rewrapper(old.identity, ['age1nonsense']).rewrap(bytes)).rejects.toMatchObject({
      code: 'recipient_invalid',
    });
  });

  it('tells those that wait when it dies', async () => {
    const thread = new RewrapThread();
    const { bytes } = await newHeader([old.recipient]);
    const waiting = thread.rewrapper(old.identity, [next.recipient]).rewrap(bytes);
    await thread[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: 'internal' });
  });
});
