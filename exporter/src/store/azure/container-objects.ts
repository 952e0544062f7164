import { LowtideError } from '../../errors/lowtide-error.ts';
import { ObjectResealing } from '../objects/resealing.ts';
import type { RemoteObjects } from '../objects/store.ts';
import type { StoredObject } from '../store.ts';
import { Container } from './container.ts';
import { findBlob } from './find.ts';
import { deleteBlob, listBlobs } from './listing.ts';
import type { AzureOptions } from './options.ts';
import { ContainerPlace } from './place.ts';
import { missing, readBlob } from './read.ts';
import { discardBlocks, sweepBlocks, unfinishedBlocks } from './unfinished.ts';
import { writeBlob } from './upload.ts';

/** A container by the names of objects: all of the store that needs the SDK. */
export async function openContainer(options: AzureOptions): Promise<RemoteObjects> {
  const container = await Container.open(options);
  const place = new ContainerPlace(container);
  const stat = async (name: string): Promise<StoredObject | undefined> => {
    const found = await findBlob(container, name);
    return found && { name, sizeBytes: found.sizeBytes, modifiedAt: found.modifiedAt };
  };
  return {
    where: container.where,
    place,
    resealing: new ObjectResealing(place),
    missing: (name) => missing(container, name),
    async write(name, body, { signal, replace }) {
      const condition = replace ? {} : { ifNoneMatch: '*' as const };
      const sizeBytes = await writeBlob(container, name, body, { signal, condition });
      const stored = await stat(name);
      if (stored !== undefined) return { ...stored, sizeBytes };
      const message = `${container.where} does not show ${name}, which was just written`;
      throw new LowtideError('store_unavailable', message, { retryable: true });
    },
    read: (name, range, signal) => readBlob(container, name, range, signal),
    stat,
    list: (prefix) => listBlobs(container, prefix),
    delete: (name) => deleteBlob(container, name),
    sweep: (prefix) => sweepBlocks(container, prefix),
    unfinished: (prefix) => unfinishedBlocks(container, prefix),
    async discard({ object }) {
      await discardBlocks(container, object);
    },
  };
}
