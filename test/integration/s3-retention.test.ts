import { CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { pruneOrphans } from '../../exporter/src/retention/orphans.ts';
import { TestInstallation } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';

const signal = new AbortController().signal;
const day = 86_400_000;

let double: S3Double;
let bucket: string;
let installation: TestInstallation;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());
beforeEach(async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = double;
  bucket = await double.freshBucket();
  installation = await TestInstallation.make(
    `  - { id: files, source: { type: command, argv: [date] }, every: 1d, stores: [offsite], keep: { last: 1 } }`,
    {
      stores: `{ offsite: { type: s3, provider: double, bucket: ${bucket}, region: ${region}, prefix: db1, endpoint: '${endpoint}', path_style: true, access_key_id: ${accessKeyId}, secret_access_key: ${secretAccessKey} } }`,
    },
  );
  return () => installation[Symbol.asyncDispose]();
});

it('uploads that nobody completed are orphans by when their last part came, and given up on demand', async () => {
  const { opened } = installation;
  await installation.completed('files');
  const client = double.client();
  const target = { Bucket: bucket, Key: 'db1/files/files-20260101T020000Z-3fa29c.bin.zst.age' };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: Buffer.alloc(1000) }));
  await client.send(new CreateMultipartUploadCommand({ ...target, Key: 'db1/foreign' }));
  await client.send(new CreateMultipartUploadCommand({ ...target, Key: `other/${target.Key}` }));
  client.destroy();
  const look = (now: number, remove = true): ReturnType<typeof pruneOrphans> =>
    pruneOrphans({ ...opened, remove, safeAgeMs: day, now, signal });

  const young = await look(Date.now() + day / 2);
  expect(young).toMatchObject({
    removed: 0,
    orphans: [{ kind: 'unfinished_write', remove: false, sizeBytes: 1000 }],
  });
  const old = await look(Date.now() + 2 * day, false);
  expect(old).toMatchObject({ removed: 0, orphans: [{ remove: true, store: 'offsite' }] });
  expect(old.orphans[0]?.names[0]).toContain(`(upload ${UploadId ?? ''})`);
  expect(await look(Date.now() + 2 * day)).toMatchObject({ removed: 1, freedBytes: 1000, problems: [] });
  expect((await look(Date.now() + 2 * day)).orphans).toEqual([]);
});
