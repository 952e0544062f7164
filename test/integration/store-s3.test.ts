import { CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { storeConformance } from '../conformance/store.ts';
import { S3Double } from '../servers/s3.ts';
import { s3Options } from './object-stores.ts';

let double: S3Double;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());

for (const prefix of ['', 'hosts/db1']) {
  storeConformance(prefix === '' ? 'S3' : 'S3, below a prefix', async () => {
    const bucket = await double.freshBucket();
    const options = { ...s3Options(double, bucket), prefix };
    return {
      open: () => new S3Store(options),
      async abandon(name, bytes) {
        const client = double.client();
        const target = { Bucket: bucket, Key: prefix === '' ? name : `${prefix}/${name}` };
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
