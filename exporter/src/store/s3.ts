import { checkObjectName, checkObjectPrefix, isObjectName } from './name.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { BodyFailure, readBody } from './body.ts';
import { probe } from './probe.ts';
import type { Resealing } from './resealing.ts';
import type { BucketObjects } from './s3/bucket-objects.ts';
import type { S3Options } from './s3/options.ts';
import { resealingCost } from './s3/reseal-cost.ts';
import type { GetOptions, PutOptions, Store, StoredObject, StoreSpace } from './store.ts';

/**
 * Objects in a bucket of S3, or of whatever speaks its language; a key is the prefix and the name. An unfinished write is a
 * multipart upload that nobody has completed. The SDK is loaded when it is first needed: most installations never do.
 */
export class S3Store implements Store {
  readonly id: string;
  readonly type = 's3';
  readonly provider: string;
  readonly resealing: Resealing;
  readonly #options: S3Options;
  readonly #open: () => Promise<BucketObjects>;

  constructor(options: S3Options) {
    this.id = options.id;
    this.provider = options.provider;
    this.#options = options;
    let opened: Promise<BucketObjects> | undefined;
    this.#open = () => (opened ??= open(options));
    this.resealing = {
      replaceHeads: async (replacements, given) =>
        (await this.#open()).resealing.replaceHeads(replacements, given),
      readHead: async (name, length) => (await this.#open()).place.readHead(name, length),
      protection: async (names) => (await this.#open()).resealing.protection(names),
      cost: resealingCost,
      finish: async () => (await this.#open()).resealing.finish(),
      writeBeside: async (name, body, given) => (await this.#open()).place.writeBeside(name, body, given),
    };
  }

  locate(name: string): string {
    checkObjectName(name);
    const { bucket, prefix } = this.#options;
    return `s3://${bucket}/${prefix === '' ? '' : `${prefix}/`}${name}`;
  }

  async put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject> {
    const { signal, replace = false } = options;
    checkObjectName(name);
    signal.throwIfAborted();
    const objects = await this.#open();
    if (!replace && (await objects.stat(name)) !== undefined) {
      throw new LowtideError('store_exists', `${objects.where} already has ${name}`);
    }
    try {
      return await objects.write(name, readBody(body, signal), { signal, replace });
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown instanceof BodyFailure ? thrown.cause : thrown;
    }
  }

  async *get(name: string, options: GetOptions): AsyncIterable<Uint8Array> {
    const { signal, start = 0, end } = options;
    checkObjectName(name);
    const objects = await this.#open();
    if (end !== undefined && end <= start) {
      if ((await objects.stat(name)) === undefined) throw objects.missing(name);
      return;
    }
    signal.throwIfAborted();
    yield* objects.read(name, { start, end }, signal);
  }

  async stat(name: string): Promise<StoredObject | undefined> {
    checkObjectName(name);
    return await (await this.#open()).stat(name);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    checkObjectPrefix(prefix);
    for await (const object of (await this.#open()).list(prefix)) {
      if (isObjectName(object.name)) yield object;
    }
  }

  async delete(name: string): Promise<void> {
    checkObjectName(name);
    await (await this.#open()).delete(name);
  }

  async sweep(prefix: string): Promise<readonly string[]> {
    checkObjectPrefix(prefix);
    return await (await this.#open()).sweep(prefix);
  }

  space(): Promise<StoreSpace | undefined> {
    return Promise.resolve(undefined);
  }

  async check(): Promise<void> {
    await probe(this);
  }
}

async function open(options: S3Options): Promise<BucketObjects> {
  const { BucketObjects: Objects } = await import('./s3/bucket-objects.ts');
  return new Objects(options);
}
