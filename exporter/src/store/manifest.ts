import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { mistakesOf } from '../errors/mistakes.ts';
import { isObjectName } from './name.ts';

/**
 * The manifest beside each stored backup (`NAME.json`): everything the catalog needs to be rebuilt, nothing secret.
 * Sizes are bytes, times RFC 3339 UTC, hashes lower-case hex SHA-256. `docs/stored-format.md` explains each field.
 */
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const partSchema = z.object({
  role: z.enum(['main', 'globals']),
  /** Object name in the store. */
  name: z.string().refine(isObjectName, { error: 'cannot name an object in a store' }),
  format: z.enum(['pg_custom', 'sql', 'sqlite', 'tar', 'raw']),
  /** What the source produced, before compression. */
  sizeBytes: z.int().nonnegative(),
  compressedBytes: z.int().nonnegative(),
  compressedSha256: sha256,
  /** From the nonce to the end of the file. Unchanged by a rewrap. */
  payloadBytes: z.int().nonnegative(),
  payloadSha256: sha256,
  /** Bytes before the payload. */
  headerBytes: z.int().positive(),
  headerSha256: sha256,
});

const formatVersion = 1;

const manifestSchema = z.object({
  formatVersion: z.literal(formatVersion),
  id: z.string(),
  instance: z.string(),
  schedule: z.string(),
  type: z.enum(['database', 'files', 'command']),
  source: z.object({
    type: z.enum(['postgres', 'mysql', 'sqlite', 'directory', 'command']),
    label: z.string(),
  }),
  runId: z.string(),
  startedAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  parts: z.tuple([partSchema], partSchema),
  /** Key id of the keystore identity this backup is sealed to. */
  keyId: z.string(),
  /** Every recipient in the header, recovery recipients included. */
  recipients: z.array(z.string()).min(1),
  tools: z.record(z.string(), z.string()),
  warnings: z.array(z.string()),
});

export type Manifest = z.output<typeof manifestSchema>;
export type ManifestPart = z.output<typeof partSchema>;

/**
 * What the catalog has in the place of a manifest for a backup that another tool made and keeps: it has no parts in stores, and
 * is sealed to no key of Lowtide's.
 */
export interface SnapshotManifest {
  readonly id: string;
  readonly instance: string;
  readonly schedule: string;
  readonly type: Manifest['type'];
  readonly source: { readonly type: string; readonly label: string };
  readonly runId: string;
  readonly startedAt: string;
  readonly createdAt: string;
  readonly snapshot: {
    /** Where the tool keeps it, without any secret. */
    readonly repository: string;
    /** As the tool calls it. */
    readonly id: string;
    /** What it holds, and what of that was new to the repository. */
    readonly sizeBytes: number;
    readonly addedBytes: number;
    /** The command that restores it. */
    readonly restoreBy: string;
  };
  readonly tools: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** The manifest of a backup that lies in stores. Throws `tool_owned` for one that another tool keeps. */
export function storedManifest(manifest: Manifest | SnapshotManifest): Manifest {
  if ('parts' in manifest) return manifest;
  const { id, source, snapshot } = manifest;
  throw new LowtideError('tool_owned', `backup ${id} is kept by ${source.type}, in ${snapshot.repository}`, {
    hint: `${source.type} restores it: ${snapshot.restoreBy}`,
  });
}

const manifestSuffix = '.json';

/** Whether an object is a manifest, by its name: other people's JSON may lie in a store as well. */
export function isManifestName(name: string): boolean {
  return name.endsWith(`.age${manifestSuffix}`);
}

/** The manifest's object name: beside the main part. */
export function manifestName(manifest: Manifest): string {
  return manifestBeside(manifest.parts[0].name);
}

/** The name that it has if this is the main part. */
export function manifestBeside(partName: string): string {
  return `${partName}${manifestSuffix}`;
}

/** The main part that a manifest of this name lies beside. */
export function mainPartBeside(manifest: string): string {
  return manifest.slice(0, -manifestSuffix.length);
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Reads a manifest back; `where` names the object in the error. Throws `manifest_invalid`. */
export function decodeManifest(bytes: Uint8Array, where: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new LowtideError('manifest_invalid', `${where} is not JSON`, { cause });
  }
  const version = z.looseObject({ formatVersion: z.int().gt(formatVersion) }).safeParse(json);
  if (version.success) {
    throw new LowtideError(
      'manifest_invalid',
      `${where} has format version ${version.data.formatVersion}; this lowtide knows ${formatVersion}`,
      { hint: 'It was written by a newer lowtide: update this one, and nothing about the backup is lost.' },
    );
  }
  const result = manifestSchema.safeParse(json);
  if (!result.success) {
    throw new LowtideError(
      'manifest_invalid',
      `${where} is not a Lowtide manifest: ${mistakesOf(result.error)}`,
      {
        hint: 'Was it edited by hand, or damaged? The backup beside it can be opened without it, with age and zstd.',
      },
    );
  }
  return result.data;
}
