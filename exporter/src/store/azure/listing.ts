import type { BlobItem } from '@azure/storage-blob';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { StoredObject } from '../store.ts';
import type { Container } from './container.ts';
import { findBlob, sweptType } from './find.ts';
import { isAnswer } from './refusal.ts';

/** In the order of names, hidden ones as well. */
export async function* listBlobs(container: Container, prefix: string): AsyncGenerator<StoredObject> {
  for await (const { name, properties } of pagesOf(container, prefix, {})) {
    if (properties.contentType === sweptType) continue;
    yield {
      name: container.nameOf(name),
      sizeBytes: properties.contentLength ?? 0,
      modifiedAt: properties.lastModified.getTime(),
    };
  }
}

async function* pagesOf(
  container: Container,
  prefix: string,
  include: { readonly includeUncommitedBlobs?: boolean },
): AsyncGenerator<BlobItem> {
  let last = '';
  let token: string | undefined;
  do {
    const page = await container.ask('list', async (abortSignal) => {
      const pages = container.client
        .listBlobsFlat({ prefix: container.keyOf(prefix), abortSignal, ...include })
        .byPage({ ...(token !== undefined && { continuationToken: token }) });
      const next = await pages.next();
      return next.done === true ? undefined : next.value;
    });
    for (const item of page?.segment.blobItems ?? []) {
      // What comes out of order, or twice, would be taken for lost or doubled.
      if (item.name <= last) {
        throw new LowtideError(
          'store_unavailable',
          `cannot list ${container.where}: ${item.name} comes behind ${last}`,
        );
      }
      last = item.name;
      yield item;
    }
    token = page?.continuationToken === '' ? undefined : page?.continuationToken;
  } while (token !== undefined);
}

export async function deleteBlob(container: Container, name: string): Promise<void> {
  await container.ask(
    `delete ${name} from`,
    async (abortSignal) => {
      await container.blob(name).delete({ abortSignal, deleteSnapshots: 'include' });
    },
    {
      expected(thrown) {
        if (!isAnswer(thrown, 'BlobNotFound')) throw thrown;
      },
    },
  );
}

/** Where the account keeps versions, the present one goes as well. */
export async function deleteForGood(container: Container, name: string): Promise<void> {
  const versionId = (await findBlob(container, name))?.versionId;
  await deleteBlob(container, name);
  if (versionId === undefined) return;
  await container.ask(
    `delete ${name} from`,
    async (abortSignal) => {
      await container.blob(name).withVersion(versionId).delete({ abortSignal });
    },
    {
      expected(thrown) {
        if (!isAnswer(thrown, 'BlobNotFound', '409')) throw thrown;
      },
    },
  );
}

/** Throws away the blocks of names that start so which nobody has committed; gives the names. */
export async function sweepBlocks(container: Container, prefix: string): Promise<readonly string[]> {
  const swept: string[] = [];
  const whole = new Set<string>();
  for await (const { name } of listBlobs(container, prefix)) whole.add(name);
  for await (const item of pagesOf(container, prefix, { includeUncommitedBlobs: true })) {
    const name = container.nameOf(item.name);
    if (whole.has(name) ? await recommit(container, name) : await discardBlocks(container, name)) {
      swept.push(`${name} (blocks)`);
    }
  }
  return swept;
}

/** A blob that is there loses its uncommitted blocks by having its block list committed again. False where it has none. */
async function recommit(container: Container, name: string): Promise<boolean> {
  return await container.ask(
    `give up ${name} in`,
    async (abortSignal) => {
      const blob = container.blob(name);
      const {
        uncommittedBlocks = [],
        committedBlocks = [],
        etag,
      } = await blob.getBlockList('all', { abortSignal });
      // What was put in one request has no list that could be committed again; a week takes its blocks away.
      if (uncommittedBlocks.length === 0 || committedBlocks.length === 0) return false;
      const { metadata, accessTier, accessTierInferred } = await blob.getProperties({ abortSignal });
      await blob.commitBlockList(
        committedBlocks.map((block) => block.name),
        {
          abortSignal,
          ...(etag !== undefined && { conditions: { ifMatch: etag } }),
          ...(metadata !== undefined && { metadata }),
          ...(accessTier !== undefined && accessTierInferred !== true && { tier: accessTier }),
        },
      );
      return true;
    },
    {
      expected(thrown) {
        if (isAnswer(thrown, 'BlobNotFound', 'ConditionNotMet', '412')) return false;
        throw thrown;
      },
    },
  );
}

/**
 * Blocks without a blob go only by becoming one: an empty one, which nothing takes for an object, and which is deleted at once.
 * False where there is a blob by now, or nothing.
 */
export async function discardBlocks(container: Container, name: string): Promise<boolean> {
  const made = await container.ask(
    `give up ${name} in`,
    async (abortSignal) => {
      const blob = container.blob(name);
      const { uncommittedBlocks = [] } = await blob.getBlockList('uncommitted', { abortSignal });
      if (uncommittedBlocks.length === 0) return false;
      await blob.commitBlockList([], {
        abortSignal,
        conditions: { ifNoneMatch: '*' },
        blobHTTPHeaders: { blobContentType: sweptType },
      });
      return true;
    },
    {
      expected(thrown) {
        if (isAnswer(thrown, 'BlobNotFound', 'BlobAlreadyExists', 'ConditionNotMet', '412')) return false;
        throw thrown;
      },
    },
  );
  if (made) await deleteForGood(container, name);
  return made;
}
