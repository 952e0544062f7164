import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Range } from '../objects/read.ts';
import { ObjectResealing } from '../objects/resealing.ts';
import { delayBefore } from '../retrying.ts';
import type { OldVersions, StoredObject, UnfinishedWrite } from '../store.ts';
import { Bucket } from './bucket.ts';
import { headObject, type ObjectHead } from './head.ts';
import { deleteObject, listObjects } from './listing.ts';
import type { S3Options } from './options.ts';
import { BucketPlace } from './place.ts';
import { missing, readObject } from './read.ts';
import { discardWrite, sweepObjects, unfinishedWrites } from './unfinished.ts';
import { writeObject } from './upload.ts';
import { BucketVersions } from './versions.ts';

/** A bucket by the names of objects: all of the store that needs the SDK. */
export class BucketObjects {
  readonly place: BucketPlace;
  readonly resealing: ObjectResealing<ObjectHead>;
  readonly versions: OldVersions;
  readonly #bucket: Bucket;

  constructor(options: S3Options) {
    this.#bucket = new Bucket(options);
    this.place = new BucketPlace(this.#bucket);
    this.resealing = new ObjectResealing(this.place);
    this.versions = new BucketVersions(this.#bucket);
  }

  get where(): string {
    return this.#bucket.where;
  }

  missing(name: string): LowtideError {
    return missing(this.#bucket, this.#bucket.keyOf(name));
  }

  async write(
    name: string,
    body: AsyncIterable<Uint8Array>,
    { signal, replace }: { readonly signal: AbortSignal; readonly replace: boolean },
  ): Promise<StoredObject> {
    const condition = replace ? {} : { IfNoneMatch: '*' as const };
    const sizeBytes = await writeObject(this.#bucket, this.#bucket.keyOf(name), body, { signal, condition });
    return { ...(await this.#shown(name, signal)), sizeBytes };
  }

  /** Some servers tell of an object a moment after they have taken it. */
  async #shown(name: string, signal: AbortSignal): Promise<StoredObject> {
    const { retry } = this.#bucket.options;
    for (let tries = 1; ; tries += 1) {
      const stored = await this.stat(name);
      if (stored !== undefined) return stored;
      if (tries >= retry.attempts) {
        const message = `${this.where} does not show ${name}, which was just written`;
        throw new LowtideError('store_unavailable', message, { retryable: true });
      }
      await retry.wait(delayBefore(tries, retry), signal);
    }
  }

  read(name: string, range: Range, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    return readObject(this.#bucket, this.#bucket.keyOf(name), range, signal);
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    const head = await headObject(this.#bucket, this.#bucket.keyOf(name));
    return head && { name, sizeBytes: head.sizeBytes, modifiedAt: head.modifiedAt };
  }

  list(prefix: string): AsyncGenerator<StoredObject> {
    return listObjects(this.#bucket, prefix);
  }

  delete(name: string): Promise<void> {
    return deleteObject(this.#bucket, this.#bucket.keyOf(name));
  }

  sweep(prefix: string): Promise<readonly string[]> {
    return sweepObjects(this.#bucket, prefix);
  }

  unfinished(prefix: string): AsyncGenerator<UnfinishedWrite> {
    return unfinishedWrites(this.#bucket, prefix);
  }

  discard(write: UnfinishedWrite): Promise<void> {
    return discardWrite(this.#bucket, write);
  }
}
