import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity, Keystore } from '../keys/keystore.ts';
import type { Manifest } from '../store/manifest.ts';

/**
 * The secret half of a key that a backup is sealed to: its own, or where that is lost one that is here of the recovery recipients
 * beside it. Throws what the keystore says of the backup's own.
 */
export async function identityFor(
  keystore: Pick<Keystore, 'identity' | 'list'>,
  { keyId, recipients }: Pick<Manifest, 'keyId' | 'recipients'>,
): Promise<Identity> {
  try {
    return await keystore.identity(keyId);
  } catch (thrown) {
    if (!isLost(thrown)) throw thrown;
    const identity = await firstOf(keystore, recipients, keyId);
    if (identity === undefined) throw thrown;
    return identity;
  }
}

/** Of a keystore that cannot be listed there is none: that the backup's own key is lost tells more. */
async function firstOf(
  keystore: Pick<Keystore, 'identity' | 'list'>,
  recipients: readonly string[],
  except: string,
): Promise<Identity | undefined> {
  const keys = await keystore.list().catch(() => []);
  for (const { id, recipient, state } of keys) {
    if (id === except || state === 'destroyed' || !recipients.includes(recipient)) continue;
    try {
      return await keystore.identity(id);
    } catch {
      // Another one may do.
    }
  }
  return undefined;
}

function isLost(thrown: unknown): boolean {
  return (
    thrown instanceof LowtideError && (thrown.code === 'key_missing' || thrown.code === 'keystore_invalid')
  );
}
