import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { mistakesOf } from '../errors/mistakes.ts';
import { fromRfc3339, toRfc3339 } from '../units/instant.ts';
import { keyIdOf, type KeyRecord } from './key.ts';
import { keyPurposes } from './keystore.ts';

/**
 * What `ID.json` says about a key; nothing in it is secret. Strict, for what a newer version has added would be lost
 * when the file is written again. `docs/keys.md` explains the fields.
 */
const metadataSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  recipient: z.string().regex(/^age1(?:pq1)?[02-9ac-hj-np-z]+$/, { error: 'is no age recipient' }),
  state: z.enum(['active', 'retiring', 'retired', 'destroyed']),
  createdAt: z.iso.datetime(),
  origin: z.enum(['generated', 'imported', 'environment']),
  // Before there were others, every key was for backups.
  purpose: z.enum(keyPurposes).default('backup'),
  parentId: z.string().optional(),
  rotationId: z.string().optional(),
  sequence: z.int().positive(),
});

export function encodeMetadata(record: KeyRecord): Uint8Array {
  const metadata: z.input<typeof metadataSchema> = {
    version: 1,
    id: record.id,
    recipient: record.recipient,
    state: record.state,
    createdAt: toRfc3339(record.createdAt),
    origin: record.origin,
    purpose: record.purpose,
    ...(record.parentId !== undefined && { parentId: record.parentId }),
    ...(record.rotationId !== undefined && { rotationId: record.rotationId }),
    sequence: record.sequence,
  };
  return new TextEncoder().encode(`${JSON.stringify(metadata, undefined, 2)}\n`);
}

/** Reads the metadata of key `id` back; `path` names the file in the error. Throws `keystore_invalid`. */
export function decodeMetadata(bytes: Uint8Array, id: string, path: string): KeyRecord {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(path, 'is not JSON', cause);
  }
  const result = metadataSchema.safeParse(json);
  if (!result.success) throw damaged(path, `is no key metadata: ${mistakesOf(result.error)}`);
  const { recipient, state, createdAt, origin, purpose, parentId, rotationId, sequence } = result.data;
  if (result.data.id !== id) throw damaged(path, `describes ${result.data.id}`);
  // The id is a digest of the recipient: a recipient slipped in by somebody else would not fit its file's name.
  if (keyIdOf(recipient) !== id) throw damaged(path, `names a recipient that is not that of ${id}`);
  return {
    id,
    recipient,
    state,
    createdAt: fromRfc3339(createdAt),
    origin,
    purpose,
    ...(parentId !== undefined && { parentId }),
    ...(rotationId !== undefined && { rotationId }),
    sequence,
  };
}

function damaged(path: string, what: string, cause?: unknown): LowtideError {
  return new LowtideError('keystore_invalid', `${path} ${what}`, {
    hint: 'Bring the file back from a copy of the keystore; or move it away and import the identity again.',
    cause,
  });
}
