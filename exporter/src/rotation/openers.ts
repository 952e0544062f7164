import { openingKeyOf, type OpeningKey, type Sealing } from '../keys/opening-key.ts';
import type { Keystore } from '../keys/keystore.ts';

/** The keys that open what is to be sealed anew. Each secret is opened once, for the passphrase is stretched anew each time. */
export class Openers {
  readonly #keystore: Pick<Keystore, 'identity' | 'list'>;
  readonly #found = new Map<string, Promise<OpeningKey>>();

  constructor(keystore: Pick<Keystore, 'identity' | 'list'>) {
    this.#keystore = keystore;
  }

  /** The backup's own key, or where that is lost one for recovery. Throws what the keystore says of its own. */
  of(sealing: Sealing): Promise<OpeningKey> {
    const sealedTo = [sealing.keyId, ...sealing.recipients].join(' ');
    const opener = this.#found.get(sealedTo) ?? openingKeyOf(this.#keystore, sealing);
    this.#found.set(sealedTo, opener);
    return opener;
  }
}
