import { LowtideError } from '../errors/lowtide-error.ts';
import { recipientOf } from '../seal/identity.ts';
import { openWithPassphrase, sealWithPassphrase } from '../seal/scrypt.ts';
import type { KeyFolder } from './folder.ts';
import { formatIdentityFile, parseIdentity } from './identity-file.ts';
import { keyIdOf, type KeyRecord } from './key.ts';
import type { Identity, Key } from './keystore.ts';

/** The identities in a keystore's folder, each a passphrase file that stock `age -d` opens. */
export class SealedIdentities {
  readonly #folder: KeyFolder;
  readonly #passphrase: string | undefined;
  readonly #scryptLogN: number;
  readonly #opened = new Map<string, Identity>();
  /** scrypt takes 64 MiB while a key is being opened: one at a time. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(folder: KeyFolder, passphrase: string | undefined, scryptLogN: number) {
    this.#folder = folder;
    this.#passphrase = passphrase;
    this.#scryptLogN = scryptLogN;
  }

  /** The bytes of a key's `.age` file. Throws `keystore_locked` without a passphrase. */
  async seal(identity: Identity, key: Pick<Key, 'recipient' | 'createdAt'>): Promise<Uint8Array> {
    const text = new TextEncoder().encode(formatIdentityFile(identity, key));
    return await sealWithPassphrase(text, this.#requirePassphrase(), { logN: this.#scryptLogN });
  }

  /**
   * The identity of a key; kept in memory once it has been opened. `record` is missing where the metadata are lost: then
   * the id alone tells whether the identity is the right one.
   * Throws `key_missing`, `keystore_locked`, `keystore_invalid`, `keystore_unavailable`.
   */
  async open(id: string, record: KeyRecord | undefined): Promise<Identity> {
    const turn = this.#opening.then(() => this.#opened.get(id) ?? this.#open(id, record));
    this.#opening = turn.catch(() => undefined);
    const identity = await turn;
    this.#opened.set(id, identity);
    return identity;
  }

  forget(id: string): void {
    this.#opened.delete(id);
  }

  async #open(id: string, record: KeyRecord | undefined): Promise<Identity> {
    const path = this.#folder.secretPath(id);
    const sealed = await this.#folder.read(path);
    if (sealed === undefined)
      throw record === undefined ? unknownKey(id, this.#folder) : lostSecret(id, path);
    const identity = await this.#unseal(sealed, path);
    const recipient = await recipientOf(identity);
    if (keyIdOf(recipient) === id && (record?.recipient ?? recipient) === recipient) return identity;
    throw new LowtideError('keystore_invalid', `${path} holds the identity of another key`, {
      hint: fromACopy,
    });
  }

  async #unseal(sealed: Uint8Array, path: string): Promise<Identity> {
    const passphrase = this.#requirePassphrase();
    let text: Uint8Array;
    try {
      text = await openWithPassphrase(sealed, passphrase);
    } catch (cause) {
      const { code, message } = LowtideError.from(cause);
      if (code === 'no_identity_match') {
        throw new LowtideError('keystore_locked', `the passphrase does not open ${path}`, {
          hint: 'encryption.passphrase must be the one that the keystore was made with; if it is, the file is damaged: bring it back from a copy of the keystore.',
          cause,
        });
      }
      throw new LowtideError('keystore_invalid', `${path} is damaged: ${message}`, {
        hint: fromACopy,
        cause,
      });
    }
    try {
      return parseIdentity(new TextDecoder('utf-8', { fatal: true }).decode(text), path);
    } catch {
      // Without the cause: what was decrypted may be a secret, and is not what it should be.
      throw new LowtideError('keystore_invalid', `${path} holds no age identity`, { hint: fromACopy });
    }
  }

  #requirePassphrase(): string {
    if (this.#passphrase !== undefined) return this.#passphrase;
    throw new LowtideError('keystore_locked', `the keystore ${this.#folder.path} has no passphrase`, {
      hint: 'Set encryption.passphrase, best from a file: `openssl rand -base64 32 > FILE` makes one, and passphrase: ${file:FILE} reads it.',
    });
  }
}

const fromACopy =
  'Bring the file back from a copy of the keystore; or move it away and import the identity from its recovery file.';

export function unknownKey(id: string, folder: KeyFolder): LowtideError {
  return new LowtideError('key_missing', `the keystore ${folder.path} has no key ${id}`, {
    hint: '`lowtide keys` lists those it has; `lowtide keys import FILE` takes one over.',
  });
}

export function lostSecret(id: string, path: string): LowtideError {
  return new LowtideError('key_missing', `the secret half of ${id} is gone: there is no ${path}`, {
    hint: 'Bring the file back from a copy of the keystore, or import the identity from its recovery file (`lowtide keys import FILE`).',
  });
}
