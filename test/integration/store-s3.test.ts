import { CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { FencedStore } from '../../exporter/src/store/fenced.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { storeConformance } from '../conformance/store.ts';
import { S3Double } from '../servers/s3.ts';
import { s3Options } from './object-stores.ts';

let double: S3Double;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());

const open = (): Promise<void> => Promise.resolve();
for (const [name, prefix, behind] of [
  ['S3', '', (store: S3Store) => store],
  ['S3, below a prefix', 'hosts/db1', (store: S3Store) => store],
  ['S3, behind a fence that is open', '', (store: S3Store) => new FencedStore(store, open)],
] as const) {
  storeConformance(name, async () => {
    const bucket = await double.freshBucket();
    const options = { ...s3Options(double, bucket), prefix };
    return {
      open: () => behind(new S3Store(options)),
      async abandon(object, bytes) {
        const client = double.client();
        const target = { Bucket: bucket, Key: prefix === '' ? object : `${prefix}/${object}` };
        const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
        await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: bytes }));
        client.destroy();
      },
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
      },
    };
  });
}
