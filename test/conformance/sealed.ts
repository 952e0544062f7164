import { createHash, randomUUID } from 'node:crypto';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SealPool } from '../../exporter/src/seal/pool.ts';
import { seal, type SealSummary } from '../../exporter/src/seal/seal.ts';
import { unseal } from '../../exporter/src/seal/unseal.ts';

/** A signal that nobody aborts. */
export const never = new AbortController().signal;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A descriptor that gives `bytes`; its file is gone already. */
function descriptorOf(bytes: Uint8Array): number {
  const path = join(tmpdir(), `lowtide-sealed-${randomUUID()}`);
  writeFileSync(path, bytes, { flag: 'wx', mode: 0o600 });
  const fd = openSync(path, 'r');
  rmSync(path);
  return fd;
}

export async function* inPieces(bytes: Uint8Array, pieceBytes = bytes.length): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield await Promise.resolve(bytes.subarray(start, start + pieceBytes));
  }
}

export async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  return Buffer.concat(await Array.fromAsync(pieces));
}

export interface Whole {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly summary: SealSummary;
}

export async function sealWhole(
  plain: Uint8Array,
  recipients: readonly string[],
  pool: SealPool,
): Promise<Whole> {
  const sealing = seal(descriptorOf(plain), recipients, { pool, signal: never });
  return { bytes: await collect(sealing), summary: await sealing.summary };
}

export async function openWhole(
  file: AsyncIterable<Uint8Array>,
  identities: readonly string[],
  pool: SealPool,
): Promise<Whole> {
  const opened = await unseal(file, identities, { pool, signal: never });
  return { bytes: await collect(opened), summary: await opened.summary };
}
