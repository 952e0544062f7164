import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import type { Key } from '../../exporter/src/keys/keystore.ts';
import { newNonce, nonceBytes, payloadKey } from '../../exporter/src/seal/file-key.ts';
import { checkMac, parseHeader } from '../../exporter/src/seal/header.ts';
import { unwrapFileKey } from '../../exporter/src/seal/identity.ts';
import { newHeader } from '../../exporter/src/seal/recipients.ts';
import { openChunks, sealChunks } from '../../exporter/src/seal/stream.ts';
import { encodeManifest, manifestName, type Manifest } from '../../exporter/src/store/manifest.ts';
import { newManifest, type ManifestSample } from '../conformance/catalog-samples.ts';

/** Backups as they lie in a store, made without runs and flushes, so that thousands take a moment. */

export interface StoredBackup {
  readonly manifest: Manifest;
  /** Of what stock age prints, by part. */
  readonly plainSha256: readonly string[];
}

/** In the folder of a directory store, and in the catalog. Every fifth backup has two parts. */
export async function storeBackups(
  count: number,
  { folder, catalog, key, store = 'local', bytes = 600, sample: sampleOf }: StoreBackupsOptions,
): Promise<readonly StoredBackup[]> {
  const stored: StoredBackup[] = [];
  for (let index = 0; index < count; index += 1) {
    const id = `b${String(index).padStart(5, '0')}`;
    const sample = newManifest(id, sampleOf?.(index) ?? { schedule: `s${index % 7}` });
    const [main] = sample.parts;
    const globals = { ...main, role: 'globals' as const, name: main.name.replace('.pgdump', '.globals.sql') };
    const [first, ...rest] = await Promise.all(
      (index % 5 === 0 ? [main, globals] : [main]).map((part) => seal(part, key, folder, bytes)),
    );
    if (first === undefined) throw new Error('a backup has a part');
    const manifest: Manifest = {
      ...sample,
      parts: [first, ...rest],
      keyId: key.id,
      recipients: [key.recipient],
    };
    writeFileSync(join(folder, manifestName(manifest)), encodeManifest(manifest));
    stored.push({ manifest, plainSha256: manifest.parts.map((part) => part.compressedSha256) });
    await catalog?.adoptBackup(manifest, { store, path: join(folder, first.name), status: 'good' });
  }
  return stored;
}

interface StoreBackupsOptions {
  readonly folder: string;
  readonly catalog?: Catalog;
  readonly key: Key;
  readonly store?: string;
  readonly bytes?: number;
  /** What is said of each. */
  readonly sample?: (index: number) => ManifestSample;
}

type Part = Manifest['parts'][0];

async function seal(part: Part, key: Key, folder: string, bytes: number): Promise<Part> {
  const content = randomBytes(bytes);
  const plain = zstdCompressSync(content);
  const header = await newHeader([key.recipient]);
  const nonce = newNonce();
  const chunks = sealChunks(payloadKey(header.fileKey, nonce), plain, { first: 0, last: true });
  const payload = Buffer.concat([nonce, chunks]);
  const path = join(folder, part.name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([header.bytes, payload]), { mode: 0o600 });
  return {
    ...part,
    sizeBytes: content.length,
    compressedBytes: plain.length,
    compressedSha256: sha256(plain),
    payloadBytes: payload.length,
    payloadSha256: sha256(payload),
    headerBytes: header.bytes.length,
    headerSha256: sha256(header.bytes),
  };
}

/** The hash of what a file of up to 64 KiB holds. Throws what the reader throws. */
export async function openWith(file: Buffer, identity: string): Promise<string> {
  const header = parseHeader(file);
  const fileKey = await unwrapFileKey(header, [identity]);
  checkMac(header, fileKey);
  const start = header.bytes.length + nonceBytes;
  const nonce = file.subarray(header.bytes.length, start);
  const { plain, fault } = openChunks(payloadKey(fileKey, nonce), file.subarray(start), {
    first: 0,
    last: true,
  });
  if (fault !== undefined) throw new Error(`the payload is damaged: ${fault.kind}`);
  return sha256(plain);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
