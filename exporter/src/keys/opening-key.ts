import { LowtideError } from '../errors/lowtide-error.ts';
import type { Identity, Keystore } from './keystore.ts';

/** To what a backup is sealed, as its manifest has it. */
export interface Sealing {
  /** Its own key. */
  readonly keyId: string;
  /** That of its own key, and those for recovery. */
  readonly recipients: readonly string[];
}

export interface OpeningKey {
  readonly id: string;
  readonly identity: Identity;
}

/**
 * The key that opens a backup: its own, or where that is lost one that is here of the recovery recipients beside it. Throws what
 * the keystore says of the backup's own.
 */
export async function openingKeyOf(
  keystore: Pick<Keystore, 'identity' | 'list'>,
  { keyId, recipients }: Sealing,
): Promise<OpeningKey> {
  try {
    return { id: keyId, identity: await keystore.identity(keyId) };
  } catch (thrown) {
    if (!isLost(thrown)) throw thrown;
    const key = await firstOf(keystore, recipients, keyId);
    if (key === undefined) throw thrown;
    return key;
  }
}

/** The secret half alone, as `openingKeyOf` finds it. */
export async function identityFor(
  keystore: Pick<Keystore, 'identity' | 'list'>,
  sealing: Sealing,
): Promise<Identity> {
  return (await openingKeyOf(keystore, sealing)).identity;
}

/** Of a keystore that cannot be listed there is none: that the backup's own key is lost tells more. */
async function firstOf(
  keystore: Pick<Keystore, 'identity' | 'list'>,
  recipients: readonly string[],
  except: string,
): Promise<OpeningKey | undefined> {
  const keys = await keystore.list().catch(() => []);
  for (const { id, recipient, state } of keys) {
    if (id === except || state === 'destroyed' || !recipients.includes(recipient)) continue;
    try {
      return { id, identity: await keystore.identity(id) };
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
