import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { ObjectChanged } from '../objects/changed.ts';
import type { Container } from './container.ts';
import { sendOver } from '../line.ts';
import { findBlob, sumMark, writeMark } from './find.ts';
import { discardBlocks } from './unfinished.ts';
import { isAnswer } from './refusal.ts';

/** What must be there, or not, for a write to take place. */
export interface Condition {
  readonly ifNoneMatch?: '*';
  /** The ETag of the blob that is to be replaced. */
  readonly ifMatch?: string;
}

export interface Sealed {
  readonly signal: AbortSignal;
  readonly condition: Condition;
  /** Of all bytes, where it is known. */
  readonly crc32: number | undefined;
  readonly tier?: string | undefined;
}

/** All names of the blocks of one blob have to be of one length; ours have this many bytes. */
const ownIdBytes = 20;

/** The name of a block, from its upload and its number; `idBytes` where blocks of others are there already. */
export function blockId(upload: string, number: number, idBytes = ownIdBytes): string {
  const hash = createHash('shake256', { outputLength: idBytes });
  return hash.update(`${upload}/${number}`).digest('base64');
}

export async function stageBlock(
  container: Container,
  name: string,
  { id, bytes, signal }: { readonly id: string; readonly bytes: Buffer; readonly signal: AbortSignal },
): Promise<void> {
  const transactionalContentMD5 = createHash('md5').update(bytes).digest();
  await container.ask(
    `write ${name} to`,
    async (abortSignal) => {
      const options = { abortSignal, transactionalContentMD5 };
      await sendOver(container.options.line, bytes, abortSignal, (body) =>
        container.blob(name).stageBlock(id, asBody(body), bytes.length, options),
      );
    },
    { signal },
  );
}

/** Shows a blob that is made of these blocks, in the place of what was there. */
export async function commitBlocks(
  container: Container,
  name: string,
  ids: readonly string[],
  { signal, condition, crc32, tier }: Sealed,
): Promise<void> {
  const mark = randomUUID();
  await container.ask(
    `write ${name} to`,
    async (abortSignal) => {
      await container.blob(name).commitBlockList([...ids], {
        abortSignal,
        conditions: { ...condition },
        metadata: metadataOf(mark, crc32),
        ...tierOf(container, tier),
      });
    },
    { signal, expected: (thrown) => unlessMine(container, name, { mark, condition }, thrown) },
  );
}

/** A blob in one request; the body must fit in memory. */
export async function putWhole(
  container: Container,
  name: string,
  bytes: Buffer,
  { signal, condition, crc32, tier }: Sealed,
): Promise<void> {
  const mark = randomUUID();
  const transactionalContentMD5 = createHash('md5').update(bytes).digest();
  await container.ask(
    `write ${name} to`,
    async (abortSignal) => {
      const options = {
        abortSignal,
        conditions: { ...condition },
        metadata: metadataOf(mark, crc32),
        blobHTTPHeaders: { blobContentMD5: transactionalContentMD5 },
        ...tierOf(container, tier),
      };
      await sendOver(container.options.line, bytes, abortSignal, (body) =>
        container.blob(name).upload(asBody(body), bytes.length, options),
      );
    },
    {
      signal,
      async expected(thrown) {
        // To some servers blocks that a dead writer has left are a blob already.
        const isFree = isAnswer(thrown, 'BlobAlreadyExists') && (await discardBlocks(container, name));
        if (isFree) throw new LowtideError('store_unavailable', `${name} was taken`, { retryable: true });
        await unlessMine(container, name, { mark, condition }, thrown);
      },
    },
  );
}

/** The SDK wants streams from a function: it would send the body again by itself, were it let. */
function asBody(body: Buffer | Readable): Buffer | (() => Readable) {
  return body instanceof Readable ? () => body : body;
}

function metadataOf(mark: string, sum: number | undefined): Record<string, string> {
  return {
    [writeMark]: mark,
    ...(sum !== undefined && { [sumMark]: (sum >>> 0).toString(16).padStart(8, '0') }),
  };
}

function tierOf({ options }: Container, tier: string | undefined): { tier?: string } {
  const chosen = tier ?? options.accessTier;
  return chosen === undefined ? {} : { tier: chosen };
}

/**
 * An answer that was lost makes the second try find the work of the first: the mark on the blob tells whose it is. Throws what
 * was thrown, where it is another's.
 */
async function unlessMine(
  container: Container,
  name: string,
  { mark, condition }: { readonly mark: string; readonly condition: Condition },
  thrown: unknown,
): Promise<void> {
  if (!isAnswer(thrown, 'ConditionNotMet', 'BlobAlreadyExists', 'BlobNotFound', 'InvalidBlockList', '412')) {
    throw thrown;
  }
  const found = await findBlob(container, name);
  if (found?.mark === mark) return;
  if (condition.ifMatch !== undefined && found?.etag !== condition.ifMatch) {
    throw found === undefined
      ? new ObjectChanged('missing', `${container.where} has no ${name} any more`)
      : new ObjectChanged('changed', `${name} in ${container.where} was replaced by somebody else`);
  }
  if (condition.ifNoneMatch !== undefined && found !== undefined) {
    throw new LowtideError('store_exists', `${container.where} already has ${name}`);
  }
  throw thrown;
}
