import { spawn, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openKeystore } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { rebuildCatalog } from '../../exporter/src/catalog/rebuild.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { encodeManifest, manifestName } from '../../exporter/src/store/manifest.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { newManifest, noon } from '../conformance/catalog-samples.ts';
import { azureYaml, s3Options, s3Yaml } from '../integration/object-stores.ts';
import { Azurite } from '../servers/azurite.ts';
import { writeConfig } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';

/**
 * Stores: one file to S3, beside `rclone copyto` of the same file to the same server, in turns; what a backup to three stores at
 * once holds in memory; and a catalog rebuilt from so many manifests in a folder, beside `find` and `cat` of the same files.
 * `node test/bench/stores.ts [MIB] [MANIFESTS] [ROUNDS]`.
 */
const mebibytes = Number(process.argv[2] ?? 2048);
const manifests = Number(process.argv[3] ?? 100_000);
const rounds = Number(process.argv[4] ?? 3);
const mebibyte = 1024 * 1024;
const { signal } = new AbortController();

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-stores-'));
await using double = await S3Double.start();
await using azurite = await Azurite.start();

async function seconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

function run(program: string, args: readonly string[], env: Record<string, string> = {}): void {
  const end = spawnSync(program, args, {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
    stdio: 'pipe',
  });
  if (end.status !== 0) throw new Error(`${program}: ${end.error?.message ?? end.stderr}`);
}

function makeFile(path: string): void {
  const file = openSync(path, 'w');
  const piece = Buffer.alloc(mebibyte);
  for (let index = 0; index < mebibytes; index += 1) writeSync(file, randomFillSync(piece));
  closeSync(file);
}

/** The double keeps what it is given: each upload goes to a bucket that is gone afterwards. */
async function upload(file: string): Promise<void> {
  const store = new S3Store(s3Options(double, await double.freshBucket()));
  const body = createReadStream(file, { highWaterMark: mebibyte }) as AsyncIterable<Buffer>;
  await store.put('a/file', body, { signal });
  await store.delete('a/file');
}

async function uploadByRclone(file: string): Promise<void> {
  const bucket = await double.freshBucket();
  const remote = {
    ...{ RCLONE_CONFIG_X_TYPE: 's3', RCLONE_CONFIG_X_PROVIDER: 'Other', RCLONE_CONFIG: '/dev/null' },
    ...{ RCLONE_CONFIG_X_ENDPOINT: double.endpoint, RCLONE_CONFIG_X_REGION: double.region },
    ...{ RCLONE_CONFIG_X_ACCESS_KEY_ID: double.accessKeyId, RCLONE_CONFIG_X_NO_CHECK_BUCKET: 'true' },
    RCLONE_CONFIG_X_SECRET_ACCESS_KEY: double.secretAccessKey,
  };
  // As large as ours at once: 5 MiB, its default, are more requests.
  run('rclone', ['copyto', file, `x:${bucket}/a/file`, '--s3-chunk-size', '8Mi'], remote);
  await new S3Store(s3Options(double, bucket)).delete('a/file');
}

async function compareUploads(file: string): Promise<void> {
  const [ours, peers]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await seconds(() => upload(file)));
    peers.push(await seconds(() => uploadByRclone(file)));
  }
  const [own, peer] = [median(ours), median(peers)];
  const rate = (taken: number): string => `${(mebibytes / taken).toFixed(0)} MiB/s`;
  console.log(
    `upload of ${mebibytes} MiB to S3: ${own.toFixed(1)} s (${rate(own)}), rclone ${peer.toFixed(1)} s (${rate(peer)}): ratio ${(own / peer).toFixed(2)}, goal 1.0`,
  );
}

/** Of `lowtide backup`, without the programs that it starts. */
async function memoryOfThree(file: string): Promise<void> {
  const stores = [
    'local: { type: directory, path: ./backups }',
    `s3: ${s3Yaml(double, await double.freshBucket())}`,
    `blob: ${azureYaml(azurite, await azurite.freshContainer())}`,
  ];
  const source = `source: { type: command, argv: [cat, '${file}'] }`;
  const config = writeConfig(
    join(folder, 'three'),
    `  - { id: three, ${source}, every: 1d, stores: [local, s3, blob], verify: { after_backup: false } }`,
    { stores: `{ ${stores.join(', ')} }` },
  );
  await openKeystore((await readConfig(config, {})).config).create({ kind: 'x25519', now: Date.now() });
  const main = fileURLToPath(new URL('../../exporter/src/cli/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'backup', 'three', '--config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 50);
  const taken = await seconds(() => once(child, 'exit'));
  clearInterval(look);
  if (child.exitCode !== 0) throw new Error(`lowtide backup ended with ${String(child.exitCode)}`);
  console.log(
    `backup of ${mebibytes} MiB to a folder, S3 and Azure: ${taken.toFixed(1)} s, peak memory ${(peak / 1024).toFixed(0)} MiB, goal below 300`,
  );
}

function makeBackups(root: string): void {
  for (let index = 0; index < manifests; index += 1) {
    const manifest = newManifest(`b${index}`, { schedule: `s${index % 20}`, createdAt: noon + index });
    const [part] = manifest.parts;
    const path = join(root, part.name);
    if (index < 20) mkdirSync(dirname(path), { recursive: true });
    const file = openSync(path, 'w');
    ftruncateSync(file, part.headerBytes + part.payloadBytes);
    closeSync(file);
    writeFileSync(join(root, manifestName(manifest)), encodeManifest(manifest));
  }
}

async function rebuild(): Promise<void> {
  const root = join(folder, 'many');
  makeBackups(root);
  const peer = await seconds(() =>
    run('bash', ['-c', 'find "$1" -name "*.json" -print0 | xargs -0 cat > /dev/null', 'bash', root]),
  );
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  let told = 0;
  const stores = new Map([['local', new DirectoryStore('local', root)]]);
  const own = await seconds(async () => {
    const { good } = await rebuildCatalog(catalog, stores, { signal, onProgress: () => (told += 1) });
    if (good !== manifests) throw new Error(`only ${good} were found`);
  });
  console.log(
    `catalog from ${manifests} manifests: ${own.toFixed(1)} s, goal below 60 (told ${told} times how far it is); find and cat ${peer.toFixed(1)} s: ratio ${(own / peer).toFixed(1)}`,
  );
}

try {
  const file = join(folder, 'file');
  makeFile(file);
  await compareUploads(file);
  await memoryOfThree(file);
  rmSync(file);
  await rebuild();
} finally {
  rmSync(folder, { recursive: true });
}
