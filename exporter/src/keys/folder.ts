import { mkdir, open, readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FileLock } from '../catalog/file-lock.ts';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { commit, removeDurably, syncFolder } from '../store/durable-file.ts';
import { isKeyId } from './key.ts';

/**
 * The files of a keystore: `ID.age` with the identity, `ID.json` with what is known about the key, `keystore.lock`.
 * A file appears whole or not at all (`.partial`, flush, rename, flush the folder); who changes anything holds the lock,
 * who only reads needs none.
 */
export const partialSuffix = '.partial';
export const secretSuffix = '.age';
export const metadataSuffix = '.json';

/** The steps that change the disk, one at a time, so that tests can stop between any two of them. */
export interface Disk {
  /** A new file of mode 0600, flushed; refuses to take the place of another. */
  writeNew(path: string, bytes: Uint8Array): Promise<void>;
  /** Gives the partial file its final name, durably, in place of what bore it. */
  commit(partial: string, final: string): Promise<void>;
  /** Removes durably; an absent file is fine. */
  remove(path: string): Promise<void>;
}

export const nodeDisk: Disk = {
  async writeNew(path, bytes) {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  commit,
  remove: removeDurably,
};

/** Writers finish within milliseconds (or a second, on a slow disk): 500 looks, 20 ms apart. */
const lockLooks = 500;
const lockPauseMs = 20;

export class KeyFolder {
  readonly path: string;
  readonly #disk: Disk;

  constructor(path: string, disk: Disk) {
    this.path = resolve(path);
    this.#disk = disk;
  }

  secretPath(id: string): string {
    return join(this.path, `${id}${secretSuffix}`);
  }

  metadataPath(id: string): string {
    return join(this.path, `${id}${metadataSuffix}`);
  }

  get lockPath(): string {
    return join(this.path, 'keystore.lock');
  }

  /** The names in the folder, sorted; none while there is no folder. */
  async names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.path)).sort();
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') return [];
      throw unavailable('read', this.path, thrown);
    }
  }

  /** The keys that have metadata. */
  async keyIds(): Promise<readonly string[]> {
    return (await this.names())
      .filter((name) => name.endsWith(metadataSuffix))
      .map((name) => name.slice(0, -metadataSuffix.length))
      .filter(isKeyId);
  }

  /** Undefined where there is no such file. */
  async read(path: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(path);
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') return undefined;
      throw unavailable('read', path, thrown);
    }
  }

  async has(path: string): Promise<boolean> {
    try {
      return (await stat(path)).isFile();
    } catch (thrown) {
      if (systemErrorCode(thrown) === 'ENOENT') return false;
      throw unavailable('read', path, thrown);
    }
  }

  /** Only with the lock, after `sweep`. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const partial = `${path}${partialSuffix}`;
    try {
      await this.#disk.writeNew(partial, bytes);
      await this.#disk.commit(partial, path);
    } catch (thrown) {
      // On a full disk the removal may fail as well; the next writer does it.
      await this.#disk.remove(partial).catch(() => undefined);
      throw unavailable('write', path, thrown);
    }
  }

  /** Only with the lock: removes what writers that died have left. */
  async sweep(): Promise<void> {
    for (const name of await this.names()) {
      if (name.endsWith(partialSuffix)) await this.remove(join(this.path, name));
    }
  }

  /** Only with the lock. */
  async remove(path: string): Promise<void> {
    try {
      await this.#disk.remove(path);
    } catch (thrown) {
      throw unavailable('remove', path, thrown);
    }
  }

  /** Makes the folder where it is absent, and keeps other writers out of it until disposed. */
  async lock(): Promise<Disposable> {
    try {
      await this.#make();
      for (let look = 0; look < lockLooks; look += 1) {
        // Never waiting inside `take`: it would stop this thread, and with it the holder if that is in this process.
        const lock = FileLock.take(this.lockPath, 0);
        if (lock !== undefined) return lock;
        await delay(lockPauseMs);
      }
    } catch (thrown) {
      throw unavailable('write', this.lockPath, thrown);
    }
    throw new LowtideError('keystore_unavailable', `another process is changing the keystore ${this.path}`, {
      hint: 'Try again once it has finished.',
      retryable: true,
    });
  }

  async #make(): Promise<void> {
    const first = await mkdir(this.path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new folder is an entry in the one above, which a power cut would forget.
    for (let made = this.path; made.length >= first.length; made = dirname(made))
      await syncFolder(dirname(made));
  }
}

function unavailable(action: string, path: string, thrown: unknown): LowtideError {
  if (thrown instanceof LowtideError) return thrown;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new LowtideError('keystore_unavailable', `cannot ${action} ${path}: ${why}`, {
    hint: 'The user that runs lowtide must own the keystore folder, and its disk must have room.',
    cause: thrown,
  });
}
