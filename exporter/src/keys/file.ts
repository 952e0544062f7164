import { LowtideError } from '../errors/lowtide-error.ts';
import { generateIdentity, recipientOf } from '../seal/identity.ts';
import { inspectKeyFolder } from './findings.ts';
import { KeyFolder, nodeDisk, type Disk } from './folder.ts';
import { parseIdentity } from './identity-file.ts';
import { isKeyId, keyIdOf, mayBecome, settle, type KeyRecord } from './key.ts';
import type { Identity, Key, Keystore } from './keystore.ts';
import { decodeMetadata, encodeMetadata } from './metadata.ts';
import { lostSecret, SealedIdentities, unknownKey } from './sealed-identities.ts';

export interface FileKeystoreOptions {
  readonly folder: string;
  /** Protects the identities at rest. Without one the keystore lists keys, but neither makes nor opens any. */
  readonly passphrase?: string;
  /** Base-2 logarithm of scrypt's work on new keys; default 16. */
  readonly scryptLogN?: number;
  /** Whose the files must be; default: the user of this process. */
  readonly uid?: number;
  readonly disk?: Disk;
}

/**
 * 64 MiB and a quarter second a key. age's own default of 18 takes 256 MiB, more than the whole service; the passphrase
 * that `lowtide init` makes has 256 bits and needs no stretching at all.
 */
const defaultScryptLogN = 16;

/** A keystore in a folder, which is made with the first key; docs/keys.md describes its files. */
export function fileKeystore(options: FileKeystoreOptions): Keystore {
  return new FileKeystore(options);
}

class FileKeystore implements Keystore {
  readonly #folder: KeyFolder;
  readonly #identities: SealedIdentities;
  readonly #uid: number | undefined;

  constructor({
    folder,
    passphrase,
    scryptLogN = defaultScryptLogN,
    uid = process.getuid?.(),
    disk = nodeDisk,
  }: FileKeystoreOptions) {
    this.#folder = new KeyFolder(folder, disk);
    this.#identities = new SealedIdentities(this.#folder, passphrase, scryptLogN);
    this.#uid = uid;
  }

  async list(): Promise<readonly Key[]> {
    return (await this.#records()).map(toKey);
  }

  async active(): Promise<Key> {
    const { records, damaged } = await this.#read();
    const active = records.find((record) => record.state === 'active');
    if (active === undefined) throw damaged[0] ?? noActiveKey(this.#folder);
    // A backup sealed to a key whose secret half is lost could never be opened again.
    const path = this.#folder.secretPath(active.id);
    if (!(await this.#folder.has(path))) throw lostSecret(active.id, path);
    return toKey(active);
  }

  async holds(id: string): Promise<boolean> {
    if (!isKeyId(id) || (await this.#record(id))?.state === 'destroyed') return false;
    return await this.#folder.has(this.#folder.secretPath(id));
  }

  async identity(id: string): Promise<Identity> {
    if (!isKeyId(id)) throw unknownKey(id, this.#folder);
    const record = await this.#record(id);
    if (record?.state === 'destroyed') throw new LowtideError('key_missing', `key ${id} was destroyed`);
    return await this.#identities.open(id, record);
  }

  async create({ kind, now, rotationId }: Parameters<Keystore['create']>[0]): Promise<Key> {
    const identity = await generateIdentity(kind);
    const recipient = await recipientOf(identity);
    const sealed = await this.#identities.seal(identity, { recipient, createdAt: now });
    return await this.#change(async (records) => {
      await this.#refuseSecondPassphrase(records);
      const parent = records.find((record) => record.state === 'active');
      const record: KeyRecord = {
        id: keyIdOf(recipient),
        recipient,
        state: 'active',
        createdAt: now,
        origin: 'generated',
        purpose: 'backup',
        ...(parent !== undefined && { parentId: parent.id }),
        ...(rotationId !== undefined && { rotationId }),
        sequence: nextSequence(records),
      };
      await this.#file(record, sealed);
      if (parent !== undefined) await this.#fileOvertaken(parent);
      return record;
    });
  }

  async import(
    text: Identity,
    { origin, purpose, now, activate = false }: Parameters<Keystore['import']>[1],
  ): Promise<Key> {
    const identity = parseIdentity(text, 'the key');
    const recipient = await recipientOf(identity);
    const id = keyIdOf(recipient);
    const sealed = await this.#identities.seal(identity, { recipient, createdAt: now });
    return await this.#change(async (records) => {
      const known = records.find((record) => record.id === id && record.state !== 'destroyed');
      if (known !== undefined && (await this.#folder.has(this.#folder.secretPath(id)))) {
        throw new LowtideError('key_exists', `the keystore has ${id} already; it is ${known.state}`);
      }
      await this.#refuseSecondPassphrase(records);
      const parent = records.find(({ state }) => state === 'active');
      const record: KeyRecord = known ?? {
        id,
        recipient,
        state: purpose === 'backup' && (parent === undefined || activate) ? 'active' : 'retiring',
        createdAt: now,
        origin,
        purpose,
        ...(parent !== undefined && purpose === 'backup' && activate && { parentId: parent.id }),
        sequence: nextSequence(records),
      };
      await this.#file(record, sealed);
      if (parent !== undefined && record.state === 'active') await this.#fileOvertaken(parent);
      return record;
    });
  }

  async retire(id: string): Promise<Key> {
    return await this.#change(async (records) => {
      const retired = this.#inState(records, id, 'retired');
      await this.#fileMetadata(retired);
      return retired;
    });
  }

  async destroy(id: string): Promise<Key> {
    return await this.#change(async (records) => {
      const destroyed = this.#inState(records, id, 'destroyed');
      // The secret first: no crash may leave a key that is called destroyed and can still be opened.
      await this.#folder.remove(this.#folder.secretPath(id));
      this.#identities.forget(id);
      await this.#fileMetadata(destroyed);
      return destroyed;
    });
  }

  async findings(): Promise<readonly string[]> {
    return await inspectKeyFolder(this.#folder, this.#uid);
  }

  /** One change at a time, over all processes; it is given what holds once the lock is taken. */
  async #change(change: (records: readonly KeyRecord[]) => Promise<KeyRecord>): Promise<Key> {
    const lock = await this.#folder.lock();
    try {
      await this.#folder.sweep();
      return toKey(await change(await this.#records()));
    } finally {
      lock[Symbol.dispose]();
    }
  }

  /** The secret comes first, so that a key that is listed can be opened, whenever the power goes. */
  async #file(record: KeyRecord, sealed: Uint8Array): Promise<void> {
    await this.#folder.write(this.#folder.secretPath(record.id), sealed);
    await this.#fileMetadata(record);
  }

  async #fileMetadata(record: KeyRecord): Promise<void> {
    await this.#folder.write(this.#folder.metadataPath(record.id), encodeMetadata(record));
  }

  /** Only so that the file says what holds: its successor is in force already, and stays so if this fails. */
  async #fileOvertaken(parent: KeyRecord): Promise<void> {
    try {
      await this.#fileMetadata({ ...parent, state: 'retiring' });
    } catch (thrown) {
      if (!isRefusal(thrown, 'keystore_unavailable')) throw thrown;
    }
  }

  /** A keystore whose keys need different passphrases could not be opened by any one configuration. */
  async #refuseSecondPassphrase(records: readonly KeyRecord[]): Promise<void> {
    const latest = records.findLast((record) => record.state !== 'destroyed');
    if (latest === undefined) return;
    try {
      await this.#identities.open(latest.id, latest);
    } catch (thrown) {
      // A damaged or lost key is no reason to refuse the one that is to replace it.
      if (isRefusal(thrown, 'keystore_locked')) throw thrown;
    }
  }

  #inState(records: readonly KeyRecord[], id: string, state: Key['state']): KeyRecord {
    const record = records.find((candidate) => candidate.id === id);
    if (record === undefined) throw unknownKey(id, this.#folder);
    if (mayBecome(record.state, state)) return { ...record, state };
    throw new LowtideError('key_in_use', `key ${id} is ${record.state}: it cannot become ${state}`, {
      hint:
        record.state === 'active'
          ? 'Make another key active first (`lowtide keys new`).'
          : `The states of a key follow one another: active, retiring, retired, destroyed.`,
    });
  }

  async #records(): Promise<readonly KeyRecord[]> {
    const { records, damaged } = await this.#read();
    // A list that leaves a key out could make somebody believe that it is gone.
    if (damaged[0] !== undefined) throw damaged[0];
    return records;
  }

  async #read(): Promise<{
    readonly records: readonly KeyRecord[];
    readonly damaged: readonly LowtideError[];
  }> {
    const records: KeyRecord[] = [];
    const damaged: LowtideError[] = [];
    const ids = await this.#folder.keyIds();
    for (const id of ids) {
      try {
        const record = await this.#record(id);
        if (record !== undefined) records.push(record);
      } catch (thrown) {
        damaged.push(LowtideError.from(thrown));
      }
    }
    // Who reads takes no lock. A key that came meanwhile may have overtaken the active one: seen without it, none is.
    if ((await this.#folder.keyIds()).join() !== ids.join()) return await this.#read();
    return { records: settle(records), damaged };
  }

  async #record(id: string): Promise<KeyRecord | undefined> {
    const path = this.#folder.metadataPath(id);
    const bytes = await this.#folder.read(path);
    return bytes && decodeMetadata(bytes, id, path);
  }
}

function nextSequence(records: readonly KeyRecord[]): number {
  return Math.max(0, ...records.map((record) => record.sequence)) + 1;
}

function toKey({ id, recipient, state, createdAt, origin, purpose, ...rest }: KeyRecord): Key {
  return {
    id,
    recipient,
    state,
    createdAt,
    origin,
    purpose,
    ...(rest.parentId !== undefined && { parentId: rest.parentId }),
    ...(rest.rotationId !== undefined && { rotationId: rest.rotationId }),
  };
}

function isRefusal(thrown: unknown, code: LowtideError['code']): boolean {
  return thrown instanceof LowtideError && thrown.code === code;
}

function noActiveKey(folder: KeyFolder): LowtideError {
  return new LowtideError('key_missing', `the keystore ${folder.path} has no active key`, {
    hint: '`lowtide keys new` makes one.',
  });
}
