import { LowtideError } from '../errors/lowtide-error.ts';
import { recipientOf } from '../seal/identity.ts';
import type { EpochMs } from '../units/instant.ts';
import { parseEnvironmentKey } from './identity-file.ts';
import { keyIdOf } from './key.ts';
import type { Key, Keystore } from './keystore.ts';

/** The keystore as it would be once that key has been taken over: for plans, which change nothing. */
export function withEnvironmentKey(
  keystore: Pick<Keystore, 'active' | 'identity' | 'list'>,
  text: string,
  now: EpochMs,
): Pick<Keystore, 'active' | 'identity' | 'list'> {
  const identity = parseEnvironmentKey(text);
  const taken = async (keys: readonly Key[]): Promise<Key | undefined> => {
    const recipient = await recipientOf(identity);
    const id = keyIdOf(recipient);
    if (keys.some((key) => key.id === id)) return undefined;
    const state = keys.some((key) => key.state === 'active') ? 'retiring' : 'active';
    return { id, recipient, state, createdAt: now, origin: 'environment', purpose: 'backup' };
  };
  const list = async (): Promise<readonly Key[]> => {
    const keys = await keystore.list();
    return [...keys, ...[await taken(keys)].filter((key) => key !== undefined)];
  };
  return {
    list,
    async active() {
      const key = await taken(await keystore.list());
      return key?.state === 'active' ? key : await keystore.active();
    },
    async identity(id) {
      const key = await taken(await keystore.list());
      return key?.id === id ? identity : await keystore.identity(id);
    },
  };
}

/**
 * Takes over the key in BACKUP_ENCRYPTION_KEY (`text`) where the keystore does not know it yet; undefined where it does,
 * in whatever state, so that the variable may stay set for ever. Throws `identity_invalid` and what `import` throws.
 */
export async function importEnvironmentKey(
  keystore: Keystore,
  text: string,
  now: EpochMs,
): Promise<Key | undefined> {
  const identity = parseEnvironmentKey(text);
  const id = keyIdOf(await recipientOf(identity));
  if ((await keystore.list()).some((key) => key.id === id)) return undefined;
  try {
    return await keystore.import(identity, { origin: 'environment', purpose: 'backup', now });
  } catch (thrown) {
    // Another process that was started with the same environment has been faster.
    if (thrown instanceof LowtideError && thrown.code === 'key_exists') return undefined;
    throw thrown;
  }
}
