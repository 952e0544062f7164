import type { UnfinishedWrite } from '../store.ts';
import type { Container } from './container.ts';
import { sweptType } from './find.ts';
import { deleteForGood, listBlobs, pagesOf } from './listing.ts';
import { isAnswer } from './refusal.ts';

/** Blocks that nobody has committed. A week after the last of them has come, the server throws them away by itself. */

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

/** Blocks beside a whole blob are left out: a rotation may be about to commit them. */
export async function* unfinishedBlocks(
  container: Container,
  prefix: string,
): AsyncGenerator<UnfinishedWrite> {
  const whole = new Set<string>();
  for await (const { name } of listBlobs(container, prefix)) whole.add(name);
  for await (const item of pagesOf(container, prefix, { includeUncommitedBlobs: true })) {
    const name = container.nameOf(item.name);
    if (whole.has(name)) continue;
    const sizeBytes = await container.ask<number>(
      `look for ${name} in`,
      async (abortSignal) => {
        const blob = container.blob(name);
        const { uncommittedBlocks = [] } = await blob.getBlockList('uncommitted', { abortSignal });
        return uncommittedBlocks.reduce((sum, { size }) => sum + size, 0);
      },
      {
        expected(thrown) {
          if (isAnswer(thrown, 'BlobNotFound')) return 0;
          throw thrown;
        },
      },
    );
    // A block has no time, and a blob that is none yet keeps that of the first one.
    yield { object: name, as: `${name} (blocks)`, sizeBytes, touchedAt: undefined };
  }
}
