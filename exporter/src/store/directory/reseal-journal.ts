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

const bytes = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));
const objectName = z.string().refine(isObjectName);
const journalSchema = z.array(
  z.object({
    objects: z.array(
      z.object({
        name: objectName,
        oldHead: bytes,
        newHead: bytes,
        /** The file name of a partial beside the object. */
        rewritten: z
          .string()
          .regex(/^[A-Za-z0-9._-]+\.partial$/)
          .optional(),
      }),
    ),
    manifest: z.object({ name: objectName, bytes }),
  }),
);

export type JournalRecord = z.output<typeof journalSchema>[number];

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

  /** Those whose work may not be done, oldest first; what was never finished, or has been damaged, is removed. */
  async pending(): Promise<readonly { readonly path: string; readonly records: readonly JournalRecord[] }[]> {
    const found: { path: string; records: readonly JournalRecord[]; at: number }[] = [];
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      const records = name.endsWith(suffix) ? decode(await readFile(path)) : undefined;
      if (records === undefined) await this.#disk.removeFile(path);
      else found.push({ path, records, at: (await stat(path)).mtimeMs });
    }
    return found.sort((one, other) => one.at - other.at);
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

function encode(records: readonly Replacement[]): Uint8Array {
  const text = JSON.stringify(
    records.map(({ objects, manifest }) => ({
      objects: objects.map(({ oldHead, newHead, ...object }) => ({
        ...object,
        oldHead: base64(oldHead),
        newHead: base64(newHead),
      })),
      manifest: { name: manifest.name, bytes: base64(manifest.bytes) },
    })),
  );
  return Buffer.from(`${sha256(text)}\n${text}\n`);
}

/** Undefined for one that is not whole. */
function decode(file: Buffer): readonly JournalRecord[] | undefined {
  const [sum, text = ''] = file.toString('utf8').split('\n');
  if (sum !== sha256(text)) return undefined;
  return journalSchema.parse(JSON.parse(text));
}

function base64(of: Uint8Array): string {
  return Buffer.from(of.buffer, of.byteOffset, of.byteLength).toString('base64');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
