import { describe, expect, it } from 'vitest';
import { openBytes, sealBytes } from './bytes.ts';
import { generateIdentity, recipientOf } from './identity.ts';

describe('small age files', async () => {
  const identity = await generateIdentity('x25519');
  const recipient = await recipientOf(identity);

  it.each([0, 1, 64 * 1024, 200_000])('hold %i bytes, for whoever they are sealed to', async (size) => {
    const bytes = Buffer.alloc(size, 7);
    const sealed = await sealBytes(bytes, [recipient]);
    expect(Buffer.from(await openBytes(sealed, [identity])).equals(bytes)).toBe(true);
    await expect(openBytes(sealed, [await generateIdentity('x25519')])).rejects.toMatchObject({
      code: 'no_identity_match',
    });
  });

  it('are refused where they were changed or cut', async () => {
    const sealed = Buffer.from(await sealBytes(Buffer.from('tide'), [recipient]));
    const changed = Buffer.from(sealed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await expect(openBytes(changed, [identity])).rejects.toMatchObject({ code: 'payload_invalid' });
    await expect(openBytes(sealed.subarray(0, 4082), [identity])).rejects.toMatchObject({
      code: 'header_invalid',
    });
  });
});
