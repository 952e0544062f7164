import { LowtideError } from '../errors/lowtide-error.ts';
import { recipientOf } from '../seal/identity.ts';
import type { EpochMs } from '../units/instant.ts';
import { parseEnvironmentKey } from './identity-file.ts';
import { keyIdOf } from './key.ts';
import type { Key, Keystore } from './keystore.ts';

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
