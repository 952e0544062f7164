import { randomUUID } from 'node:crypto';
import { createReadStream, type Dirent } from 'node:fs';
import {
  link,
  mkdir,
  open,
  readdir,
  rm,
  rmdir,
  stat,
  statfs,
  unlink,
  type FileHandle,
} from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { commit, removeDurably, syncFolder } from './durable-file.ts';
import { checkObjectName, partialSuffix } from './name.ts';
import type { GetOptions, PutOptions, Store, StoredObject, StoreSpace } from './store.ts';

/**
 * Writing back starts early, in the background: left to the kernel, gigabytes of dirty pages would wait for the final
 * fsync, and that wait would come on top of the copy instead of beside it.
 */
const flushEveryBytes = 64 * 1024 * 1024;

const readBytes = 1024 * 1024;

/** Objects as files below one folder; names are relative paths. */
export class DirectoryStore implements Store {
  readonly id: string;
  readonly type = 'directory';
  readonly provider = 'local';
  readonly #root: string;

  constructor(id: string, root: string) {
    this.id = id;
    this.#root = resolve(root);
  }

  locate(name: string): string {
    checkObjectName(name);
    return join(this.#root, name);
  }

  async put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject> {
    const final = this.locate(name);
    const partial = `${final}.${randomUUID()}${partialSuffix}`;
    try {
      await this.#makeFolder(dirname(final));
      if (options.replace !== true) await this.#refuseExisting(name);
      await writeDurably(partial, body, options.signal);
      // The name is given by a link where nothing may be there yet: unlike rename, it never takes another's place.
      if (options.replace === true) await commit(partial, final);
      else await commitNew(partial, final);
    } catch (thrown) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw this.#refusal(thrown, `write ${name} to`, name);
    }
    const object = await this.stat(name);
    if (object === undefined) throw this.#missing(name);
    return object;
  }

  async *get(name: string, options: GetOptions): AsyncIterable<Uint8Array> {
    const start = options.start ?? 0;
    if (options.end !== undefined && options.end <= start) return;
    const stream = createReadStream(this.locate(name), {
      start,
      highWaterMark: readBytes,
      signal: options.signal,
      ...(options.end !== undefined && { end: options.end - 1 }),
    });
    try {
      for await (const bytes of stream) yield bytes as Buffer;
    } catch (thrown) {
      throw this.#refusal(thrown, `read ${name} from`, name);
    }
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    try {
      const facts = await stat(this.locate(name));
      return facts.isFile() ? { name, sizeBytes: facts.size, modifiedAt: facts.mtimeMs } : undefined;
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw this.#refusal(thrown, `look for ${name} in`, name);
    }
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    for (const name of await this.#names()) {
      if (!name.startsWith(prefix) || name.endsWith(partialSuffix)) continue;
      const object = await this.stat(name);
      if (object !== undefined) yield object;
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.locate(name);
    try {
      await removeDurably(path);
      await this.#dropEmptyFolders(dirname(path));
    } catch (thrown) {
      if (!isAbsent(thrown)) throw this.#refusal(thrown, `delete ${name} from`, name);
    }
  }

  async sweep(): Promise<readonly string[]> {
    const partials = (await this.#names()).filter((name) => name.endsWith(partialSuffix));
    for (const name of partials) await removeDurably(join(this.#root, name));
    return partials;
  }

  async space(): Promise<StoreSpace | undefined> {
    try {
      const facts = await statfs(await this.#nearestFolder());
      return { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
    } catch (thrown) {
      throw this.#refusal(thrown, 'measure', '');
    }
  }

  async check(): Promise<void> {
    const name = `probe-${randomUUID()}`;
    const bytes = new TextEncoder().encode(name);
    const signal = AbortSignal.timeout(30_000);
    await this.put(name, once(bytes), { signal });
    try {
      const back = await Array.fromAsync(this.get(name, { signal }));
      if (!Buffer.concat(back).equals(bytes)) {
        throw new LowtideError(
          'store_unavailable',
          `store ${this.id} (${this.#root}) gave back other bytes than were written`,
        );
      }
    } finally {
      await this.delete(name);
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Every folder that is new has to be flushed into its parent, or a power cut forgets the whole branch.
    for (let made = folder; made.length >= first.length; made = dirname(made))
      await syncFolder(dirname(made));
  }

  async #refuseExisting(name: string): Promise<void> {
    if ((await this.stat(name)) !== undefined) throw this.#exists(name);
  }

  async #names(): Promise<string[]> {
    let entries: Dirent[];
    try {
      entries = await readdir(this.#root, { recursive: true, withFileTypes: true });
    } catch (thrown) {
      if (isAbsent(thrown)) return [];
      throw this.#refusal(thrown, 'list', '');
    }
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .sort();
  }

  /** A schedule's last backup may be gone, and its folder with it; a folder that is not empty refuses by itself. */
  async #dropEmptyFolders(folder: string): Promise<void> {
    if (folder === this.#root || !folder.startsWith(this.#root)) return;
    try {
      await rmdir(folder);
    } catch {
      return;
    }
    await this.#dropEmptyFolders(dirname(folder));
  }

  /** The store's folder, or while nothing has been written yet the nearest one above that exists. */
  async #nearestFolder(): Promise<string> {
    for (let folder = this.#root; ; folder = dirname(folder)) {
      try {
        await stat(folder);
        return folder;
      } catch (thrown) {
        if (!isAbsent(thrown) || folder === dirname(folder)) throw thrown;
      }
    }
  }

  #missing(name: string): LowtideError {
    return new LowtideError('store_missing_object', `store ${this.id} (${this.#root}) has no object ${name}`);
  }

  #exists(name: string): LowtideError {
    return new LowtideError('store_exists', `store ${this.id} (${this.#root}) already has an object ${name}`);
  }

  #refusal(thrown: unknown, action: string, name: string): unknown {
    const say = (why: string): string => `cannot ${action} store ${this.id} (${this.#root}): ${why}`;
    switch (systemErrorCode(thrown)) {
      case 'ENOENT':
      case 'ENOTDIR':
        return this.#missing(name);
      case 'EEXIST':
        return this.#exists(name);
      case 'ENOSPC':
      case 'EDQUOT':
        return new LowtideError('store_full', say('no space is left'), {
          hint: 'Free space, or keep fewer backups (keep in the schedule).',
          cause: thrown,
        });
      case 'EACCES':
      case 'EPERM':
        return new LowtideError('store_denied', say('permission denied'), {
          hint: 'The user that runs lowtide must be able to write to this folder.',
          cause: thrown,
        });
      case 'EROFS':
        return new LowtideError('store_denied', say('the file system is read-only'), { cause: thrown });
      case 'EIO':
      case 'ESTALE':
      case 'ETIMEDOUT':
        return new LowtideError('store_unavailable', say((thrown as Error).message), {
          retryable: true,
          cause: thrown,
        });
      case undefined:
      default:
        return thrown;
    }
  }
}

async function writeDurably(
  path: string,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await writeAll(handle, body, signal);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(
  handle: FileHandle,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  let unflushed = 0;
  let flushing: Promise<void> | undefined;
  let flushError: unknown;
  for await (const bytes of body) {
    signal.throwIfAborted();
    for (let offset = 0; offset < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, offset, bytes.length - offset);
      offset += bytesWritten;
    }
    unflushed += bytes.length;
    if (unflushed >= flushEveryBytes && flushing === undefined) {
      unflushed = 0;
      flushing = handle
        .datasync()
        .catch((thrown: unknown) => (flushError = thrown))
        .then(() => (flushing = undefined));
    }
  }
  await flushing;
  // A failed flush may be reported once only: the final fsync could then say that all is well.
  if (flushError !== undefined) throw flushError as Error;
  signal.throwIfAborted();
}

/** Like `commit`, and never over a file of that name. File systems without hard links have to do with the check before. */
async function commitNew(partial: string, final: string): Promise<void> {
  try {
    await link(partial, final);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw thrown;
    await commit(partial, final);
    return;
  }
  await unlink(partial);
  await syncFolder(dirname(final));
}

function isAbsent(thrown: unknown): boolean {
  const code = systemErrorCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
