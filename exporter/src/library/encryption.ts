import { environment } from '../config/secrets.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseEnvironmentKey } from '../keys/identity-file.ts';
import { keyIdOf } from '../keys/key.ts';
import type { Identity } from '../keys/keystore.ts';
import { recipientOf } from '../seal/identity.ts';

/** A key with its secret half. Printing it, or writing it as JSON, shows the public half alone. */
export class BackupKey {
  /** As the keystore calls it. */
  readonly id: string;
  /** The public half, `age1…`. */
  readonly recipient: string;
  readonly #identity: Identity;

  constructor(id: string, recipient: string, identity: Identity) {
    this.id = id;
    this.recipient = recipient;
    this.#identity = identity;
  }

  /** The secret half, `AGE-SECRET-KEY-…`. */
  get identity(): Identity {
    return this.#identity;
  }
}

export const BackupEncryption = {
  /**
   * The key in LOWTIDE_ENCRYPTION_KEY or BACKUP_ENCRYPTION_KEY: an age identity, or 32 bytes in hex or base64.
   * Throws `key_missing` where neither is set, `identity_invalid`.
   */
  async loadKeyFromEnv(
    env: Readonly<Record<string, string | undefined>> = environment(),
  ): Promise<BackupKey> {
    const text = env['LOWTIDE_ENCRYPTION_KEY'] ?? env['BACKUP_ENCRYPTION_KEY'];
    if (text === undefined) {
      throw new LowtideError('key_missing', 'BACKUP_ENCRYPTION_KEY is not set', {
        hint: 'Set it to an age identity (age-keygen makes one), or to 32 bytes in hex or base64.',
      });
    }
    const identity = parseEnvironmentKey(text);
    const recipient = await recipientOf(identity);
    return new BackupKey(keyIdOf(recipient), recipient, identity);
  },
};
