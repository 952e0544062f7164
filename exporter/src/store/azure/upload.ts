import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { InFlight, unlessAborted, PartCutter } from '../parts.ts';
import { blockId, commitBlocks, putWhole, stageBlock, type Condition } from './blocks.ts';
import type { Container } from './container.ts';
import { discardBlocks } from './unfinished.ts';

const mebibyte = 1024 * 1024;
/** Smaller blobs go in one request. */
const wholeBytes = mebibyte;
/** The first block: a rewrap puts another in its place, and keeps all that follow (place.ts). */
const headBlockBytes = 64 * 1024;
const smallestBlockBytes = 8 * mebibyte;
const largestBlockBytes = 512 * mebibyte;
const mostBlocks = 50_000;
const inFlightBytes = 3 * smallestBlockBytes;

/** As in s3/upload.ts: blocks double every thousand, for nobody knows at the start how long the body is. */
function blockBytes(number: number): number {
  return Math.min(largestBlockBytes, smallestBlockBytes * 2 ** Math.floor(number / 1000));
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  readonly condition: Condition;
}

/** Writes a blob whole or not at all; gives its size. */
export async function writeBlob(
  container: Container,
  name: string,
  body: AsyncIterable<Uint8Array>,
  { signal, condition }: WriteOptions,
): Promise<number> {
  const parts = new PartCutter(body);
  try {
    const first = await parts.next(wholeBytes);
    if (first.length < wholeBytes) {
      await putWhole(container, name, first, { signal, condition, crc32: crc32(first) });
      return first.length;
    }
    const { ids, sizeBytes, sum } = await stageAll(container, name, parts, {
      signal,
      first,
      upload: randomUUID(),
    });
    try {
      await commitBlocks(container, name, ids, { signal, condition, crc32: sum });
    } catch (thrown) {
      await discardBlocks(container, name).catch(() => undefined);
      throw thrown;
    }
    return sizeBytes;
  } finally {
    await parts.leave();
  }
}

export interface Staged {
  readonly ids: readonly string[];
  readonly sizeBytes: number;
  readonly sum: number;
}

/** Brings a body to the server in blocks that nobody sees; `first` are bytes that come before what `parts` has. */
export async function stageAll(
  container: Container,
  name: string,
  parts: PartCutter,
  {
    signal,
    first,
    upload,
    idBytes,
  }: {
    readonly signal: AbortSignal;
    readonly first: Buffer;
    readonly upload: string;
    readonly idBytes?: number | undefined;
  },
): Promise<Staged> {
  const inFlight = new InFlight(inFlightBytes, signal);
  const ids: string[] = [];
  let sizeBytes = 0;
  let sum = 0;
  const stage = async (bytes: Buffer, done?: () => void): Promise<void> => {
    if (ids.length >= mostBlocks) throw tooLarge(container, name);
    const id = blockId(upload, ids.length, idBytes);
    ids.push(id);
    sizeBytes += bytes.length;
    sum = crc32(bytes, sum);
    await inFlight.add(bytes.length, async () => {
      await stageBlock(container, name, { id, bytes, signal: inFlight.signal });
      done?.();
    });
  };
  try {
    await stage(first.subarray(0, headBlockBytes));
    await stage(first.subarray(headBlockBytes), () => parts.giveBack(first));
    for (;;) {
      // A block that fails is thrown at once, and not when the body has its next piece.
      const part = await unlessAborted(parts.next(blockBytes(ids.length)), inFlight.signal);
      if (part.length === 0) break;
      await stage(part, () => parts.giveBack(part));
    }
    await inFlight.end();
    return { ids, sizeBytes, sum };
  } catch (thrown) {
    await inFlight.stop();
    await discardBlocks(container, name).catch(() => undefined);
    throw thrown;
  }
}

function tooLarge(container: Container, name: string): LowtideError {
  return new LowtideError(
    'store_full',
    `cannot write ${name} to ${container.where}: it has too many blocks`,
    {
      hint: 'Split what is backed up into several schedules.',
    },
  );
}
