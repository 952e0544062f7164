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

export async function* pagesOf(
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
