import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { BodyFailure, readBody } from './body.ts';
import { nodeDisk, type Disk } from './directory/disk.ts';
import { refusal } from './directory/refusal.ts';
import { DirectoryResealing } from './directory/reseal.ts';
import { filesUnder } from './directory/walk.ts';
import { createPartial, fill, nameNewObject, replaceObject } from './directory/write.ts';
import type { Line } from './line.ts';
import { checkObjectName, checkObjectPrefix, isObjectName, objectOfPartial, partialName } from './name.ts';
import type {
  GetOptions,
  ObjectLock,
  PutOptions,
  Store,
  StoredObject,
  StoreSpace,
  UnfinishedWrite,
} from './store.ts';

const readBytes = 1024 * 1024;
/** One by one, 20,000 of them take ten times as long. */
const statsAtOnce = 32;

/** Objects as files below one folder; names are relative paths. An unfinished write is a file `NAME.UUID.partial`. */
export class DirectoryStore implements Store {
  readonly id: string;
  readonly type = 'directory';
  readonly provider = 'local';
  readonly resealing: DirectoryResealing;
  readonly #root: string;
  readonly #disk: Disk;
  readonly #line: Line | undefined;

  constructor(id: string, root: string, disk: Disk = nodeDisk, line?: Line) {
    this.id = id;
    this.#root = resolve(root);
    this.#disk = disk;
    this.#line = line;
    this.resealing = new DirectoryResealing({
      disk,
      root: this.#root,
      locate: (name) => this.locate(name),
      refusal: (thrown, action) => this.#refusal(thrown, action),
    });
  }

  locate(name: string): string {
    checkObjectName(name);
    return join(this.#root, name);
  }

  async put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject> {
    const { signal, replace = false } = options;
    const final = this.locate(name);
    const partial = partialName(final, randomUUID());
    signal.throwIfAborted();
    try {
      if (!replace && (await this.stat(name)) !== undefined) throw this.#exists(name);
      const file = await createPartial(this.#disk, this.#root, partial);
      const pieces = readBody(body, signal);
      const written = await fill(file, this.#line?.up(pieces, signal) ?? pieces);
      signal.throwIfAborted();
      if (replace) await replaceObject(this.#disk, partial, final);
      else if (!(await nameNewObject(this.#disk, partial, final))) throw this.#exists(name);
      return { name, ...written };
    } catch (thrown) {
      // On a broken disk the removal may fail as well; a sweep does it then.
      await this.#disk.removeFile(partial).catch(() => undefined);
      await this.#dropEmptyFolders(dirname(partial));
      signal.throwIfAborted();
      throw thrown instanceof BodyFailure ? thrown.cause : this.#refusal(thrown, `write ${name} to`);
    }
  }

  async *get(name: string, options: GetOptions): AsyncIterable<Uint8Array> {
    const { signal, start = 0, end } = options;
    const path = this.locate(name);
    const found = await this.stat(name);
    if (found === undefined) throw this.#missing(name);
    if (end !== undefined && end <= start) return;
    // Also because Node leaves the file open for good when the signal was aborted before the stream was made.
    signal.throwIfAborted();
    const stream = createReadStream(path, {
      start,
      highWaterMark: Math.max(1, Math.min(readBytes, found.sizeBytes)),
      signal,
      ...(end !== undefined && { end: end - 1 }),
    });
    try {
      const pieces = stream as AsyncIterable<Buffer>;
      for await (const bytes of this.#line?.down(pieces, signal) ?? pieces) {
        yield bytes;
        signal.throwIfAborted();
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw isAbsent(thrown) ? this.#missing(name) : this.#refusal(thrown, `read ${name} from`);
    }
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    checkObjectName(name);
    return await this.#facts(name);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    for await (const names of inBatches(this.#files(prefix), statsAtOnce)) {
      const objects = await Promise.all(names.filter(isObjectName).map((name) => this.stat(name)));
      for (const object of objects) if (object !== undefined) yield object;
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.locate(name);
    try {
      await this.#remove(path);
    } catch (thrown) {
      // A folder of that name is no object.
      if (systemErrorCode(thrown) !== 'EISDIR') throw this.#refusal(thrown, `delete ${name} from`);
    }
  }

  async sweep(prefix: string): Promise<readonly string[]> {
    const swept: string[] = [];
    for await (const write of this.unfinished(prefix)) {
      await this.discard(write);
      swept.push(write.as);
    }
    return swept;
  }

  async lockOn(names: readonly string[]): Promise<ObjectLock | undefined> {
    for (const name of names) {
      // A file that is read-only, or has further names, can be removed.
      const skipped = await this.resealing.protection([name]);
      if (skipped?.reason === 'immutable') return { by: 'an attribute of the file (chattr +i or +a)' };
    }
    return undefined;
  }

  async *unfinished(prefix: string): AsyncIterable<UnfinishedWrite> {
    for await (const name of this.#files(prefix)) {
      const object = objectOfPartial(name);
      if (object?.startsWith(prefix) !== true) continue;
      const found = await this.#facts(name);
      if (found !== undefined) {
        yield { object, as: name, sizeBytes: found.sizeBytes, touchedAt: found.modifiedAt };
      }
    }
  }

  async discard({ object, as }: UnfinishedWrite): Promise<void> {
    if (objectOfPartial(as) !== object) throw new LowtideError('internal', `${as} is no unfinished write`);
    try {
      await this.#remove(join(this.#root, as));
    } catch (thrown) {
      throw this.#refusal(thrown, `delete ${as} from`);
    }
  }

  async space(): Promise<StoreSpace | undefined> {
    try {
      const facts = await statfs(await this.#nearestFolder());
      return { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
    } catch (thrown) {
      throw this.#refusal(thrown, 'measure');
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

  /** Of an object, or of a partial one. */
  async #facts(name: string): Promise<StoredObject | undefined> {
    try {
      const facts = await stat(join(this.#root, name));
      if (!facts.isFile()) return undefined;
      return { name, sizeBytes: facts.size, modifiedAt: Math.trunc(facts.mtimeMs) };
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      throw this.#refusal(thrown, `look for ${name} in`);
    }
  }

  async *#files(prefix: string): AsyncIterable<string> {
    checkObjectPrefix(prefix);
    try {
      yield* filesUnder(this.#root, prefix);
    } catch (thrown) {
      throw this.#refusal(thrown, 'list');
    }
  }

  /** Durably; what is absent, or goes at the same time, is fine. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#disk.removeFile(path);
      await this.#disk.syncFolder(dirname(path));
    } catch (thrown) {
      if (!isAbsent(thrown)) throw thrown;
    }
    await this.#dropEmptyFolders(dirname(path));
  }

  /** A schedule's last backup may be gone, and its folder with it; a folder that is not empty refuses by itself. */
  async #dropEmptyFolders(folder: string): Promise<void> {
    for (let empty = folder; empty !== this.#root; empty = dirname(empty)) {
      try {
        await this.#disk.removeFolder(empty);
      } catch (thrown) {
        if (systemErrorCode(thrown) !== 'ENOENT') return;
      }
    }
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
    return new LowtideError('store_exists', `store ${this.id} (${this.#root}) already has ${name}`);
  }

  #refusal(thrown: unknown, action: string): unknown {
    return refusal(thrown, `${action} store ${this.id} (${this.#root})`);
  }
}

function isAbsent(thrown: unknown): boolean {
  const code = systemErrorCode(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncIterable<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
