import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { checkStore } from '../../exporter/src/store/conformance/check.ts';
import { bodyOf, put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { MultipartUpload } from '../../exporter/src/store/s3/multipart.ts';
import { Bucket } from '../../exporter/src/store/s3/bucket.ts';
import type { S3Options } from '../../exporter/src/store/s3/options.ts';
import { s3Options } from '../integration/object-stores.ts';
import { S3Double } from '../servers/s3.ts';
import { Swift } from '../servers/swift.ts';

/**
 * `npm run test:s3-real`: Lowtide's store, and what `lowtide stores check` holds it to, against the S3 double of the tests and
 * against a server of Debian's that other people have written. Prints where the two differ: there the double may be wrong, or
 * the server is known to be no S3 in that.
 */
type Server = Parameters<typeof s3Options>[0];

type Verdicts = ReadonlyMap<string, string>;

const mebibyte = 1024 * 1024;
const { signal } = new AbortController();

async function verdictsOn(server: Server): Promise<Verdicts> {
  const options = { ...s3Options(server, await newBucket(server)), prefix: 'hosts/db1' };
  const open = (): S3Store => new S3Store(options);
  const { laws } = await checkStore({ open, folder: 'laws/', signal, patienceMs: 120_000 });
  const verdicts = new Map(laws.map(({ says, broken }) => [says, broken ?? 'holds']));
  for (const [says, hold] of Object.entries(beyondLaws)) {
    verdicts.set(
      says,
      await hold(open(), options).then(
        () => 'holds',
        (thrown: unknown) => String(thrown),
      ),
    );
  }
  return verdicts;
}

async function newBucket({ endpoint, region, ...credentials }: Server): Promise<string> {
  const config: S3ClientConfig = { endpoint, region, credentials, forcePathStyle: true };
  const client = new S3Client(config);
  const name = `bucket-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  return name;
}

const beyondLaws: Readonly<Record<string, (store: S3Store, options: S3Options) => Promise<void>>> = {
  async 'keeps an object of many parts'(store) {
    const content = sampleBytes(20 * mebibyte);
    await put(store, 'many/parts', content);
    require((await read(store, 'many/parts')).equals(content), 'it came back otherwise');
  },
  async 'gives an object another head, of whatever size it is'(store, options) {
    for (const size of [1000, 2 * mebibyte, 12 * mebibyte]) {
      const [oldHead, newHead, payload] = [sampleBytes(4080, 1), sampleBytes(4080, 2), sampleBytes(size, 3)];
      const name = `rewrapped/${size}`;
      await put(store, name, Buffer.concat([oldHead, payload]));
      await put(store, `${name}.json`, sampleBytes(100));
      const manifest = { name: `${name}.json`, bytes: sampleBytes(101) };
      // By a process that knows nothing of the server yet.
      const { resealing } = new S3Store(options);
      const [result] = await resealing.replaceHeads([{ objects: [{ name, oldHead, newHead }], manifest }], {
        signal,
      });
      require(result?.status === 'replaced', JSON.stringify(result));
      require((await read(store, name)).equals(Buffer.concat([newHead, payload])), `${name} is otherwise`);
    }
  },
  async 'puts what was written beside an object in its place'(store, options) {
    for (const size of [1000, 12 * mebibyte]) {
      const [oldHead, newHead] = [sampleBytes(4080, 1), sampleBytes(4080, 2)];
      const name = `reencrypted/${size}`;
      const content = Buffer.concat([newHead, sampleBytes(size, 4)]);
      await put(store, name, Buffer.concat([oldHead, sampleBytes(size, 3)]));
      await put(store, `${name}.json`, sampleBytes(100));
      const { resealing } = new S3Store(options);
      const rewritten = await resealing.writeBeside?.(name, bodyOf([content]), { signal });
      require(rewritten !== undefined, 'nothing was written');
      const manifest = { name: `${name}.json`, bytes: sampleBytes(101) };
      const objects = [{ name, oldHead, newHead, rewritten }];
      const [result] = await resealing.replaceHeads([{ objects, manifest }], { signal });
      require(result?.status === 'replaced', JSON.stringify(result));
      require((await read(store, name)).equals(content), `${name} is otherwise`);
    }
  },
  async 'finds and gives up what a dead writer has left'(store, options) {
    const upload = await MultipartUpload.begin(new Bucket(options), 'hosts/db1/dead/run-1', {
      signal,
      temporary: false,
    });
    await upload.put(1, Buffer.from(sampleBytes(6 * mebibyte)), signal);
    require((await store.sweep('dead/')).length === 1, 'it was not found');
    require((await store.sweep('dead/')).length === 0, 'it is still there');
  },
  async 'says why: a bucket that is not there, a key that is not right, another region'(_, options) {
    const codes = await Promise.all(
      [
        { ...options, bucket: 'nobody-has-made-this' },
        { ...options, credentials: { accessKeyId: 'lowtide:test', secretAccessKey: 'another' } },
        { ...options, region: 'us-west-2' },
      ].map(async (changed) => await new S3Store(changed).check().then(() => 'none', codeOf)),
    );
    const expected = ['store_unavailable', 'store_denied', 'store_unavailable'].join();
    require(codes.join() === expected, `${codes.join()} instead of ${expected}`);
  },
};

const codeOf = (thrown: unknown): string => (thrown as { code?: string }).code ?? String(thrown);

function require(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

await using double = await S3Double.start();
await using swift = await Swift.start();
const ofDouble = await verdictsOn(double);
const ofSwift = await verdictsOn(swift);
let differences = 0;
for (const [says, verdict] of ofSwift) {
  const other = ofDouble.get(says) ?? 'was not tried';
  const same = verdict === other;
  if (!same) differences += 1;
  console.log(
    `${same ? ' ' : '!'} ${says}${same && verdict === 'holds' ? '' : `\n    Swift: ${verdict}\n    double: ${other}`}`,
  );
}
console.log(`\n${ofSwift.size} laws, ${differences} on which Swift and the double differ`);
