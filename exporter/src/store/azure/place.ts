import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ContainerGetPropertiesResponse } from '@azure/storage-blob';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { ObjectChanged } from '../objects/changed.ts';
import { withOtherHead } from '../objects/crc32.ts';
import type { JournaledObject } from '../objects/journal.ts';
import type { ObjectPlace } from '../objects/resealing.ts';
import { PartCutter } from '../parts.ts';
import { blockId, commitBlocks, putWhole, stageBlock } from './blocks.ts';
import type { Container } from './container.ts';
import { findBlob, type FoundBlob } from './find.ts';
import { deleteForGood, listBlobs } from './listing.ts';
import { readBlob } from './read.ts';
import { sweepBlocks } from './unfinished.ts';
import { isAnswer } from './refusal.ts';
import { stageAll } from './upload.ts';

const never = new AbortController().signal;
const stagedBytes = 8 * 1024 * 1024;
const rewrittenPattern = /\.([0-9a-f-]{36})\.([0-9]+)-([0-9a-f]{8})\.partial$/;

/**
 * A container as a place whose blobs are given other heads. A blob is a list of blocks: the first is written anew, the others
 * are named again, and nothing of them moves. What takes an object's place whole are blocks of that very blob, which nobody has
 * committed yet.
 */
export class ContainerPlace implements ObjectPlace<FoundBlob> {
  readonly #container: Container;
  #locked: Promise<FoundBlob['locked']> | undefined;

  constructor(container: Container) {
    this.#container = container;
  }

  get where(): string {
    return this.#container.where;
  }

  async find(name: string): Promise<FoundBlob | undefined> {
    const found = await findBlob(this.#container, name);
    if (found === undefined) return undefined;
    return { ...found, locked: found.locked ?? (await (this.#locked ??= this.#lockOfAll())) };
  }

  async readHead(name: string, length: number): Promise<Buffer> {
    const range = { start: 0, end: length === Infinity ? undefined : length };
    return Buffer.concat(await Array.fromAsync(readBlob(this.#container, name, range, never)));
  }

  async mayBeProtected(): Promise<boolean> {
    const { isImmutableStorageWithVersioningEnabled: byBlob } = await this.#facts();
    const locked = await (this.#locked ??= this.#lockOfAll());
    return byBlob === true || locked !== undefined || this.#container.options.accessTier === 'Archive';
  }

  needsPadding(): boolean {
    return false;
  }

  async replace(object: JournaledObject, found: FoundBlob): Promise<void> {
    const { name, oldHead, newHead, rewritten } = object;
    const committed = await this.#committed(name);
    const sealed = { signal: never, condition: { ifMatch: found.etag }, tier: found.tier };
    const idBytes = idBytesOf(committed[0]?.name);
    if (rewritten !== undefined) {
      const { upload, count, sum } = parsed(rewritten);
      const ids = Array.from({ length: count }, (_, number) => blockId(upload, number, idBytes));
      await commitBlocks(this.#container, name, ids, { ...sealed, crc32: sum });
      return;
    }
    const { endBytes, rest } = firstBlocks(committed, oldHead.length, found.sizeBytes);
    const ids = await this.#stageHead(name, newHead, { start: oldHead.length, end: endBytes }, idBytes);
    const sum =
      found.crc32 === undefined
        ? undefined
        : withOtherHead(
            found.crc32,
            { oldHead: crc32(oldHead), newHead: crc32(newHead) },
            found.sizeBytes - oldHead.length,
          );
    await commitBlocks(this.#container, name, [...ids, ...rest], { ...sealed, crc32: sum });
  }

  async isWritten(rewritten: string, name: string): Promise<boolean> {
    const { upload, count } = parsed(rewritten);
    const { uncommittedBlocks = [] } = await this.#container.ask(`look for ${name} in`, (abortSignal) =>
      this.#container.blob(name).getBlockList('uncommitted', { abortSignal }),
    );
    const idBytes = idBytesOf(uncommittedBlocks[0]?.name);
    const there = new Set(uncommittedBlocks.map((block) => block.name));
    return Array.from({ length: count }, (_, number) => blockId(upload, number, idBytes)).every((id) =>
      there.has(id),
    );
  }

  async write(name: string, bytes: Uint8Array, etag: string | undefined): Promise<void> {
    const condition = etag === undefined ? {} : { ifMatch: etag };
    await putWhole(this.#container, name, Buffer.from(bytes), {
      signal: never,
      condition,
      crc32: crc32(bytes),
    });
  }

  async names(prefix: string): Promise<readonly string[]> {
    const objects = await Array.fromAsync(listBlobs(this.#container, prefix));
    return objects.sort((one, other) => one.modifiedAt - other.modifiedAt).map(({ name }) => name);
  }

  async removeForGood(name: string): Promise<void> {
    await deleteForGood(this.#container, name);
  }

  sweep(name: string): Promise<readonly string[]> {
    return sweepBlocks(this.#container, name);
  }

  /** Brings what is to take a blob's place to the server, as blocks of that blob. */
  async writeBeside(
    name: string,
    body: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<string> {
    const upload = randomUUID();
    const parts = new PartCutter(body);
    try {
      const idBytes = idBytesOf((await this.#committed(name))[0]?.name);
      const first = await parts.next(1024 * 1024);
      const { ids, sum } = await stageAll(this.#container, name, parts, { signal, first, upload, idBytes });
      return `${name}.${upload}.${ids.length}-${(sum >>> 0).toString(16).padStart(8, '0')}.partial`;
    } finally {
      await parts.leave();
    }
  }

  async #committed(name: string): Promise<readonly { readonly name: string; readonly size: number }[]> {
    const { committedBlocks = [] } = await this.#container.ask(
      `look for ${name} in`,
      (abortSignal) => this.#container.blob(name).getBlockList('committed', { abortSignal }),
      {
        expected(thrown) {
          if (isAnswer(thrown, 'BlobNotFound'))
            throw new ObjectChanged('missing', `there is no ${name} any more`);
          throw thrown;
        },
      },
    );
    return committedBlocks;
  }

  /** The new head, and what else was in the blocks that began with the old one. */
  async #stageHead(
    name: string,
    newHead: Uint8Array,
    range: { readonly start: number; readonly end: number },
    idBytes: number | undefined,
  ): Promise<readonly string[]> {
    const container = this.#container;
    async function* body(): AsyncGenerator<Uint8Array> {
      yield newHead;
      if (range.end > range.start) yield* readBlob(container, name, range, never);
    }
    const parts = new PartCutter(body());
    const upload = randomUUID();
    const ids: string[] = [];
    for (;;) {
      const bytes = await parts.next(stagedBytes);
      if (bytes.length === 0) return ids;
      const id = blockId(upload, ids.length, idBytes);
      await stageBlock(container, name, { id, bytes, signal: never });
      ids.push(id);
      parts.giveBack(bytes);
    }
  }

  /** What protects every blob of the container. */
  async #lockOfAll(): Promise<FoundBlob['locked']> {
    const { hasLegalHold, hasImmutabilityPolicy } = await this.#facts();
    if (hasLegalHold === true) return { by: 'a legal hold of the container' };
    return hasImmutabilityPolicy === true
      ? { by: 'a policy of immutability of the container', mayBeOver: true }
      : undefined;
  }

  async #facts(): Promise<Partial<ContainerGetPropertiesResponse>> {
    return await this.#container.ask<Partial<ContainerGetPropertiesResponse>>(
      'ask for the locks of',
      (abortSignal) => this.#container.client.getProperties({ abortSignal }),
      {
        expected(thrown) {
          // Whoever may not ask is told when something is refused.
          if (isAnswer(thrown, '403')) return {};
          throw thrown;
        },
      },
    );
  }
}

/** The blocks that an old head reaches into, and the names of those behind. */
function firstBlocks(
  committed: readonly { readonly name: string; readonly size: number }[],
  headBytes: number,
  sizeBytes: number,
): { readonly endBytes: number; readonly rest: readonly string[] } {
  // A blob that came in one request has no blocks.
  if (committed.length === 0) return { endBytes: sizeBytes, rest: [] };
  let endBytes = 0;
  let count = 0;
  for (const { size } of committed) {
    if (endBytes >= headBytes) break;
    endBytes += size;
    count += 1;
  }
  return { endBytes, rest: committed.slice(count).map(({ name }) => name) };
}

function idBytesOf(id: string | undefined): number | undefined {
  return id === undefined ? undefined : Buffer.from(id, 'base64').length;
}

function parsed(rewritten: string): {
  readonly upload: string;
  readonly count: number;
  readonly sum: number;
} {
  const [, upload, count, sum] = rewrittenPattern.exec(rewritten) ?? [];
  if (upload === undefined || count === undefined || sum === undefined) {
    throw new LowtideError('internal', `${rewritten} names no blocks`);
  }
  return { upload, count: Number(count), sum: Number.parseInt(sum, 16) };
}
