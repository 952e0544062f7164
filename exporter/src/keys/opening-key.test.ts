import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { Key } from '../keys/keystore.ts';
import { identityFor } from './opening-key.ts';

const own = 'key-00000000000a';
const spare = 'key-00000000000b';
const sealing = { keyId: own, recipients: ['age1own', 'age1spare'] };

/** By key: its identity, or the code of the refusal. */
function keystoreWith(answers: Readonly<Record<string, string>>, states: Partial<Key>[] = [{}]) {
  const keys = states.map((more): Key => ({
    id: spare,
    recipient: 'age1spare',
    state: 'retiring',
    createdAt: 0,
    origin: 'imported',
    purpose: 'recovery',
    ...more,
  }));
  return {
    list: () => Promise.resolve(keys),
    identity: (id: string) => {
      const answer = answers[id] ?? 'key_missing';
      return answer.startsWith('AGE-')
        ? Promise.resolve(answer)
        : Promise.reject(new LowtideError(answer as ErrorCode, `no ${id}`));
    },
  };
}

describe('the key that opens a backup', () => {
  it('is its own where that is here', async () => {
    const keystore = keystoreWith({ [own]: 'AGE-OWN', [spare]: 'AGE-SPARE' });
    expect(await identityFor(keystore, sealing)).toBe('AGE-OWN');
  });

  it.each(['key_missing', 'keystore_invalid'] as const)(
    'is a recovery key where its own is lost (%s)',
    async (code) => {
      const keystore = keystoreWith({ [own]: code, [spare]: 'AGE-SPARE' });
      expect(await identityFor(keystore, sealing)).toBe('AGE-SPARE');
    },
  );

  it('is none that the backup is not sealed to, and none that was destroyed', async () => {
    const answers = { [spare]: 'AGE-SPARE' };
    for (const more of [{ recipient: 'age1other' }, { state: 'destroyed' as const }]) {
      await expect(identityFor(keystoreWith(answers, [more]), sealing)).rejects.toMatchObject({
        code: 'key_missing',
        message: `no ${own}`,
      });
    }
  });

  it('is not looked for where the passphrase is wrong', async () => {
    const keystore = keystoreWith({ [own]: 'keystore_locked', [spare]: 'AGE-SPARE' });
    await expect(identityFor(keystore, sealing)).rejects.toMatchObject({ code: 'keystore_locked' });
  });

  it('passes over one that cannot be opened either', async () => {
    const third = 'key-00000000000c';
    const keystore = keystoreWith({ [spare]: 'keystore_invalid', [third]: 'AGE-THIRD' }, [{}, { id: third }]);
    expect(await identityFor(keystore, sealing)).toBe('AGE-THIRD');
  });
});
