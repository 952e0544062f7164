import { randomUUID } from 'node:crypto';
import { partialName } from '../name.ts';
import type { JournaledObject } from '../objects/journal.ts';
import type { ObjectPlace } from '../objects/resealing.ts';
import type { ReplacedObject } from '../resealing.ts';
import type { Bucket } from './bucket.ts';
import { replaceByCopies, replaceByRewritten, replaceSmall, smallBytes } from './compose.ts';
import { headObject, type ObjectHead } from './head.ts';
import { deleteForGood, listKeys } from './listing.ts';
import { mayBeLocked } from './lock.ts';
import { CopyUnknown } from './multipart.ts';
import { readObject } from './read.ts';
import { sweepObjects } from './unfinished.ts';
import { replaceByUpload } from './reupload.ts';
import { putWhole, writeObject } from './upload.ts';

const never = new AbortController().signal;

/** A bucket as a place whose objects are given other heads. */
export class BucketPlace implements ObjectPlace<ObjectHead> {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  get where(): string {
    return this.#bucket.where;
  }

  find(name: string): Promise<ObjectHead | undefined> {
    return headObject(this.#bucket, this.#bucket.keyOf(name));
  }

  async readHead(name: string, length: number): Promise<Buffer> {
    const range = { start: 0, end: length === Infinity ? undefined : length };
    return Buffer.concat(
      await Array.fromAsync(readObject(this.#bucket, this.#bucket.keyOf(name), range, never)),
    );
  }

  mayBeProtected(): Promise<boolean> {
    return mayBeLocked(this.#bucket);
  }

  needsPadding(object: ReplacedObject, found: ObjectHead): boolean {
    return object.rewritten === undefined && found.sizeBytes > smallBytes;
  }

  async replace(object: JournaledObject, found: ObjectHead, journal: string): Promise<void> {
    if (object.rewritten === undefined && found.sizeBytes <= smallBytes) {
      await replaceSmall(this.#bucket, object, found);
      return;
    }
    if (this.#bucket.copiesRanges) {
      try {
        if (object.rewritten !== undefined) await replaceByRewritten(this.#bucket, object, found);
        else await replaceByCopies(this.#bucket, object, found, this.#bucket.keyOf(journal));
        return;
      } catch (thrown) {
        if (!(thrown instanceof CopyUnknown)) throw thrown;
        this.#bucket.copiesRanges = false;
      }
    }
    await replaceByUpload(this.#bucket, object, found);
  }

  async isWritten(rewritten: string): Promise<boolean> {
    return (await this.find(rewritten)) !== undefined;
  }

  async write(name: string, bytes: Uint8Array, etag: string | undefined): Promise<void> {
    const condition = etag === undefined ? {} : { IfMatch: etag };
    await putWhole(this.#bucket, this.#bucket.keyOf(name), Buffer.from(bytes), { signal: never, condition });
  }

  async names(prefix: string): Promise<readonly string[]> {
    const keys = await Array.fromAsync(listKeys(this.#bucket, this.#bucket.keyOf(prefix)));
    return keys
      .sort((one, other) => one.modifiedAt - other.modifiedAt)
      .map(({ key }) => this.#bucket.nameOf(key));
  }

  async removeForGood(name: string): Promise<void> {
    await deleteForGood(this.#bucket, this.#bucket.keyOf(name));
  }

  sweep(name: string): Promise<readonly string[]> {
    return sweepObjects(this.#bucket, name);
  }

  /** Writes what is to take an object's place beside it. */
  async writeBeside(
    name: string,
    body: AsyncIterable<Uint8Array>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<string> {
    const partial = partialName(name, randomUUID());
    const key = this.#bucket.keyOf(partial);
    try {
      await writeObject(this.#bucket, key, body, { signal, condition: {}, temporary: true });
    } catch (thrown) {
      // It may have been written, and only the answer was lost.
      await deleteForGood(this.#bucket, key).catch(() => undefined);
      throw thrown;
    }
    return partial;
  }
}
