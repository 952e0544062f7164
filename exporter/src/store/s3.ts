import { RemoteStore } from './objects/store.ts';
import { bucketCost } from './s3/cost.ts';
import type { S3Options } from './s3/options.ts';

/**
 * Objects in a bucket of S3, or of whatever speaks its language; a key is the prefix and the name. An unfinished write is a
 * multipart upload that nobody has completed.
 */
export class S3Store extends RemoteStore {
  constructor(options: S3Options) {
    const { id, provider, bucket, prefix } = options;
    super({
      id,
      type: 's3',
      provider,
      base: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
      cost: bucketCost,
      keepsVersions: true,
      async open() {
        const { BucketObjects } = await import('./s3/bucket-objects.ts');
        return new BucketObjects(options);
      },
    });
  }
}
