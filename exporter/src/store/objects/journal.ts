import { z } from 'zod';
import { isObjectName } from '../name.ts';
import type { ReplacedObject, Replacement } from '../resealing.ts';

/**
 * What is about to be changed in a store of objects, written down before it is: one object a group, under a name that no
 * listing of the store shows. It is made of an index, zeros where these are wanted, and the new heads one after the other. The
 * zeros are for servers that copy ranges: a part of an upload to S3 has 5 MiB at least, so a range that ends with a head begins
 * among them (s3/compose.ts).
 *
 * It holds old heads, and so opens with the old key what they once opened: it goes as soon as it has done its work.
 */
export const journalFolder = '.lowtide/';
const suffix = '.journal';

/** What a range that ends with a head has at least, in a journal with zeros. */
export const paddedBytes = 5 * 1024 * 1024;

const objectName = z.string().refine(isObjectName);
const bytes = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'));
const indexSchema = z.object({
  padded: z.boolean(),
  records: z.array(
    z.object({
      objects: z.array(
        z.object({
          name: objectName,
          oldHead: bytes,
          newHeadBytes: z.int().nonnegative(),
          rewritten: z
            .string()
            .regex(/^[A-Za-z0-9._/-]+\.partial$/)
            .optional(),
        }),
      ),
      manifest: z.object({ name: objectName, bytes }),
    }),
  ),
});

export interface Journal {
  readonly name: string;
  readonly records: readonly JournalRecord[];
}

export interface JournalRecord {
  readonly objects: readonly JournaledObject[];
  readonly manifest: Replacement['manifest'];
}

export interface JournaledObject extends ReplacedObject {
  /** Where its new head ends in the journal. */
  readonly headEnd: number;
}

export function journalName(uuid: string): string {
  return `${journalFolder}${uuid}${suffix}`;
}

export function isJournalName(name: string): boolean {
  return name.startsWith(journalFolder) && name.endsWith(suffix);
}

export function encodeJournal(
  name: string,
  replacements: readonly Replacement[],
  { padded }: { readonly padded: boolean },
): { readonly bytes: Uint8Array; readonly journal: Journal } {
  const index = {
    padded,
    records: replacements.map(({ objects, manifest }) => ({
      objects: objects.map(({ name, oldHead, newHead, rewritten }) => ({
        name,
        oldHead: base64(oldHead),
        newHeadBytes: newHead.length,
        ...(rewritten !== undefined && { rewritten }),
      })),
      manifest: { name: manifest.name, bytes: base64(manifest.bytes) },
    })),
  };
  const line = Buffer.from(`${JSON.stringify(index)}\n`);
  const heads = replacements.flatMap(({ objects }) => objects.map(({ newHead }) => newHead));
  const zeros = Buffer.alloc(headsStart(padded, line.length) - line.length);
  const file = Buffer.concat([line, zeros, ...heads]);
  return { bytes: file, journal: { name, records: placed(replacements, headsStart(padded, line.length)) } };
}

/** Undefined for what cannot be understood. */
export function decodeJournal(name: string, file: Buffer): Journal | undefined {
  const end = file.indexOf('\n');
  const index = indexSchema.safeParse(jsonOf(file.subarray(0, end)));
  if (!index.success) return undefined;
  const start = headsStart(index.data.padded, end + 1);
  let at = start;
  const records = index.data.records.map(({ objects, manifest }) => ({
    objects: objects.map(({ name, oldHead, newHeadBytes, rewritten }) => {
      const newHead: Uint8Array = file.subarray(at, (at += newHeadBytes));
      return { name, oldHead, newHead, ...(rewritten !== undefined && { rewritten }) };
    }),
    manifest,
  }));
  return { name, records: placed(records, start) };
}

function jsonOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}

function headsStart(padded: boolean, indexBytes: number): number {
  return padded ? Math.max(paddedBytes, indexBytes) : indexBytes;
}

function placed(replacements: readonly Replacement[], start: number): readonly JournalRecord[] {
  let end = start;
  return replacements.map(({ objects, manifest }) => ({
    objects: objects.map((object) => ({ ...object, headEnd: (end += object.newHead.length) })),
    manifest,
  }));
}

function base64(of: Uint8Array): string {
  return Buffer.from(of).toString('base64');
}
