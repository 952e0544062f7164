import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { isObjectName } from '../name.ts';
import type { Replacement } from '../resealing.ts';
import type { Disk } from './disk.ts';

/**
 * What is about to be changed in a store, written down before it is: one file a group, in the store's own hidden folder, so
 * that it is found wherever the catalog has gone. It appears whole (partial, flush, rename, flush the folder) before the
 * first object is touched; a partial one therefore means that nothing was.
 *
 * It holds the old headers, and so opens with the old key what they once opened: it goes as soon as it has done its work.
 */
const folderName = '.lowtide';
const suffix = '.journal';
const damagedSuffix = '.damaged';

const objectName = z.string().refine(isObjectName);
/** A length in the index, for bytes that follow it. */
const length = z.int().nonnegative();
const indexSchema = z.array(
  z.object({
    objects: z.array(
      z.object({
        name: objectName,
        oldHead: length,
        newHead: length,
        /** The file name of a partial beside the object. */
        rewritten: z
          .string()
          .regex(/^[A-Za-z0-9._-]+\.partial$/)
          .optional(),
      }),
    ),
    manifest: z.object({ name: objectName, bytes: length }),
  }),
);

export interface JournalRecord {
  readonly objects: readonly {
    readonly name: string;
    readonly oldHead: Uint8Array;
    readonly newHead: Uint8Array;
    readonly rewritten?: string | undefined;
  }[];
  readonly manifest: Replacement['manifest'];
}

export class ResealJournal {
  readonly #folder: string;
  readonly #disk: Disk;

  constructor(root: string, disk: Disk) {
    this.#folder = join(root, folderName);
    this.#disk = disk;
  }

  /** Durable once this resolves; gives the path for `remove`. */
  async write(records: readonly Replacement[]): Promise<string> {
    if ((await this.#disk.makeFolder(this.#folder)) !== undefined) {
      await this.#disk.syncFolder(dirname(this.#folder));
    }
    const path = join(this.#folder, `${randomUUID()}${suffix}`);
    const partial = `${path}.partial`;
    try {
      const file = await this.#disk.createFile(partial);
      try {
        await file.writeFile(encode(records));
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#disk.rename(partial, path);
      await this.#disk.syncFolder(this.#folder);
      return path;
    } catch (thrown) {
      for (const each of [partial, path]) await this.#disk.removeFile(each).catch(() => undefined);
      throw thrown;
    }
  }

  async remove(path: string): Promise<void> {
    await this.#disk.removeFile(path);
    await this.#disk.syncFolder(this.#folder);
  }

  /**
   * Those whose work may not be done, oldest first. What was never finished is removed: nothing was touched then. One that was whole
   * and has been damaged since is put aside: it may be all that is left of a head that was half written.
   */
  async pending(): Promise<readonly { readonly path: string; readonly records: readonly JournalRecord[] }[]> {
    const found: { path: string; records: readonly JournalRecord[]; at: number }[] = [];
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      if (!name.endsWith(suffix)) {
        await this.#disk.removeFile(path);
        continue;
      }
      const records = decode(await readFile(path));
      if (records === undefined) await this.#disk.rename(path, `${path}${damagedSuffix}`);
      else found.push({ path, records, at: (await stat(path)).mtimeMs });
    }
    return found.sort((one, other) => one.at - other.at);
  }

  async isPending(): Promise<boolean> {
    return (await this.#names()).some((name) => name.endsWith(suffix));
  }

  async #names(): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#folder);
      return names.filter((name) => name.endsWith(suffix) || name.endsWith(`${suffix}.partial`));
    } catch (thrown) {
      const code = systemErrorCode(thrown);
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      throw thrown;
    }
  }
}

/** A checksum, an index as JSON, each on a line, and then the bytes in the order of the index. */
function encode(records: readonly Replacement[]): Uint8Array {
  const bytes: Uint8Array[] = [];
  const put = (of: Uint8Array): number => {
    bytes.push(of);
    return of.length;
  };
  const index = records.map(({ objects, manifest }) => ({
    objects: objects.map((object) => ({
      ...object,
      oldHead: put(object.oldHead),
      newHead: put(object.newHead),
    })),
    manifest: { name: manifest.name, bytes: put(manifest.bytes) },
  }));
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(index)}\n`), ...bytes]);
  return Buffer.concat([Buffer.from(`${sha256(rest)}\n`), rest]);
}

/** Undefined for one that is not whole. */
function decode(file: Buffer): readonly JournalRecord[] | undefined {
  const [sum, rest] = splitLine(file);
  if (sum !== sha256(rest)) return undefined;
  const [line, bytes] = splitLine(rest);
  let left = bytes;
  const take = (count: number): Uint8Array => {
    const taken = left.subarray(0, count);
    left = left.subarray(count);
    return taken;
  };
  return indexSchema.parse(JSON.parse(line)).map(({ objects, manifest }) => ({
    objects: objects.map((object) => ({
      ...object,
      oldHead: take(object.oldHead),
      newHead: take(object.newHead),
    })),
    manifest: { name: manifest.name, bytes: take(manifest.bytes) },
  }));
}

function splitLine(bytes: Buffer): [string, Buffer] {
  const end = bytes.indexOf('\n');
  return end === -1 ? ['', Buffer.alloc(0)] : [bytes.toString('utf8', 0, end), bytes.subarray(end + 1)];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
