import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Keystore } from '../../exporter/src/keys/keystore.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import type { Rotation } from '../../exporter/src/catalog/rotations.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { seal } from '../../exporter/src/seal/seal.ts';
import { encodeManifest, manifestName, type Manifest } from '../../exporter/src/store/manifest.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { newManifest } from '../conformance/catalog-samples.ts';
import { storeBackups } from '../servers/stored-backups.ts';

/**
 * Rewrapping many backups and re-encrypting a large one, on the disk that holds the temporary folder, with every flush.
 * `node test/bench/rotate.ts [MEBIBYTES] [ROUNDS]`: size of the large backup, default 4096, and rounds of each comparison.
 * Beside each figure stand the disk's own rate of flushes and what stock age takes for the same.
 */
const [, , ofParent, folderOfParent] = process.argv;
const mebibytes = Number(ofParent ?? 4096);
const rounds = Number(process.argv[3] ?? 3);
const { signal } = new AbortController();

class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly backups: string;
  readonly catalog: Catalog;
  readonly keystore: Keystore;
  readonly pool = createSealPool({ threads: 2 });
  readonly rotator: Rotator;

  constructor(folder: string) {
    this.folder = folder;
    this.backups = join(folder, 'backups');
    this.catalog = openSqliteCatalog(join(folder, 'state'));
    this.keystore = fileKeystore({ folder: join(folder, 'keys'), passphrase: 'p', scryptLogN: 2 });
    this.rotator = new Rotator({
      catalog: this.catalog,
      stores: new Map([['local', new DirectoryStore('local', this.backups)]]),
      keystore: this.keystore,
      pool: this.pool,
      clock: systemClock,
      recoveryRecipients: [],
      running: new Set(),
    });
  }

  static async make(): Promise<Rig> {
    const rig = new Rig(mkdtempSync(join(tmpdir(), 'lowtide-bench-rotate-')));
    mkdirSync(rig.backups);
    await rig.keystore.create({ kind: 'x25519', now: 0 });
    return rig;
  }

  async rotate(
    mode: 'rewrap' | 'reencrypt',
  ): Promise<{ readonly seconds: number; readonly rotation: Rotation }> {
    const started = performance.now();
    const rotation = await this.rotator.rotate({ mode, trigger: 'manual' }, { signal });
    if (rotation.status !== 'completed') throw new Error(JSON.stringify(rotation));
    return { seconds: (performance.now() - started) / 1000, rotation };
  }

  /** A backup of random bytes, sealed as a run seals it. */
  async storeLarge(id: string, bytes: number): Promise<Manifest> {
    const key = await this.keystore.active();
    const source = join(this.folder, 'plain');
    spawnSync('sh', ['-c', `head -c ${bytes} /dev/urandom > ${source}`]);
    const sample = newManifest(id);
    const [part] = sample.parts;
    const sealing = seal(openSync(source, 'r'), [key.recipient], { pool: this.pool, signal });
    mkdirSync(join(this.backups, 'db-prod'), { recursive: true });
    const file = await open(join(this.backups, part.name), 'w');
    for await (const piece of sealing) await file.writeFile(piece);
    await file.sync();
    await file.close();
    const summary = await sealing.summary;
    rmSync(source);
    const manifest: Manifest = {
      ...sample,
      keyId: key.id,
      recipients: [key.recipient],
      parts: [
        {
          ...part,
          sizeBytes: bytes,
          compressedBytes: summary.plainBytes,
          compressedSha256: summary.plainSha256,
          headerBytes: summary.headerBytes,
          headerSha256: summary.headerSha256,
          payloadBytes: summary.payloadBytes,
          payloadSha256: summary.payloadSha256,
        },
      ],
    };
    writeFileSync(join(this.backups, manifestName(manifest)), encodeManifest(manifest));
    await this.catalog.adoptBackup(manifest, {
      store: 'local',
      path: join(this.backups, part.name),
      status: 'good',
    });
    return manifest;
  }

  async identityFile(): Promise<string> {
    const key = await this.keystore.active();
    const path = join(this.folder, `${key.id}.txt`);
    writeFileSync(path, await this.keystore.identity(key.id), { mode: 0o600 });
    return path;
  }

  async close(): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
    await this.catalog[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true });
  }
}

interface OfChild {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** Re-encrypts in a process of its own, whose memory is then that of nothing else. */
async function reencryptAlone(folder: string): Promise<OfChild> {
  const child = spawn(process.execPath, [import.meta.filename, '--reencrypt', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as OfChild;
}

if (ofParent === '--reencrypt' && folderOfParent !== undefined) {
  const rig = new Rig(folderOfParent);
  const { seconds } = await rig.rotate('reencrypt');
  await rig.close();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(JSON.stringify({ seconds, peakBytes } satisfies OfChild));
  process.exit();
}

/** Flushes of one written page a second: one after the other, and 64 files at the same time. */
async function flushRates(): Promise<{ readonly serial: number; readonly together: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-flush-'));
  const page = randomBytes(4096);
  const fd = openSync(join(folder, 'one'), 'w');
  let started = performance.now();
  for (let index = 0; index < 200; index += 1) {
    writeSync(fd, page, 0, page.length, 0);
    fdatasyncSync(fd);
  }
  const serial = 200 / ((performance.now() - started) / 1000);
  closeSync(fd);
  const files = await Promise.all(
    Array.from({ length: 64 }, (_, index) => open(join(folder, String(index)), 'w')),
  );
  started = performance.now();
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      files.map(async (file) => {
        await file.write(page, 0, page.length, 0);
        await file.datasync();
      }),
    );
  }
  const together = (8 * 64) / ((performance.now() - started) / 1000);
  await Promise.all(files.map((file) => file.close()));
  rmSync(folder, { recursive: true });
  return { serial, together };
}

/** Seconds of `age -d -i OLD | age -r NEW > FILE; sync FILE`. */
async function pipeline(from: string, identity: string, recipient: string, to: string): Promise<number> {
  const started = performance.now();
  const script = 'age -d -i "$1" "$2" | age -r "$3" > "$4" && sync "$4"';
  const child = spawn('bash', ['-o', 'pipefail', '-c', script, 'bash', identity, from, recipient, to]);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('age failed');
  rmSync(to);
  return (performance.now() - started) / 1000;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const shown = (value: number, digits = 0): string => value.toFixed(digits);

for (const count of [1000, 10_000]) {
  await using rig = await Rig.make();
  await storeBackups(count, { folder: rig.backups, catalog: rig.catalog, key: await rig.keystore.active() });
  const rates: number[] = [];
  for (let round = 0; round < (count > 1000 ? 1 : rounds); round += 1) {
    rates.push(count / (await rig.rotate('rewrap')).seconds);
  }
  const { serial, together } = await flushRates();
  console.log(
    `rewrap ${count} small backups: ${shown(median(rates))} backups/s (goal 1500 where the disk allows it); ` +
      `this disk flushes ${shown(serial)} pages/s one by one, ${shown(together)} from 64 files at once`,
  );
}

{
  const times = new Map<string, number[]>();
  for (const [name, bytes, count] of [
    ['1 KiB', 1024, 64],
    ['64 MiB', 64 * 2 ** 20, 8],
    ['1 GiB', 2 ** 30, 1],
  ] as const) {
    await using rig = await Rig.make();
    const manifests: Manifest[] = [];
    for (let index = 0; index < count; index += 1) manifests.push(await rig.storeLarge(`b${index}`, bytes));
    // What is left over from making them would be flushed with the first heads.
    spawnSync('sync');
    const store = new DirectoryStore('local', rig.backups);
    const each: number[] = [];
    for (let round = 0; round < rounds * 20; round += 1) {
      // The store's own part alone, one backup at a time: opening samples afterwards would read payload.
      const [manifest] = manifests;
      const object = manifest?.parts[0].name ?? '';
      const head = Buffer.concat(await Array.fromAsync(store.get(object, { signal, end: 4080 })));
      const started = performance.now();
      await store.resealing.replaceHeads(
        [
          {
            objects: [{ name: object, oldHead: head, newHead: head }],
            manifest: { name: `${object}.json`, bytes: new Uint8Array(2000) },
          },
        ],
        { signal },
      );
      each.push(performance.now() - started);
    }
    times.set(name, each);
    if (name === '64 MiB') {
      const identity = await rig.identityFile();
      const { recipient } = await rig.keystore.active();
      const path = store.locate(manifests[0]?.parts[0].name ?? '');
      const age = await pipeline(path, identity, recipient, join(rig.folder, 'new'));
      for (const manifest of manifests) {
        writeFileSync(join(rig.backups, manifestName(manifest)), encodeManifest(manifest));
      }
      const rewrap = (await rig.rotate('rewrap')).seconds / count;
      console.log(
        `rewrap of a file of 64 MiB: age -d | age -r takes ${shown(age / (median(each) / 1000))}x as long (goal 100x); ` +
          `a whole rotation of ${count} with its samples at the end ${shown(age / rewrap)}x`,
      );
    }
  }
  const small = median(times.get('1 KiB') ?? []);
  for (const [name, each] of times) {
    console.log(
      `rewrap of one file of ${name}: ${shown(median(each), 2)} ms, ${shown(median(each) / small, 2)} of 1 KiB`,
    );
  }
}

{
  await using rig = await Rig.make();
  const manifest = await rig.storeLarge('large', mebibytes * 2 ** 20);
  const path = join(rig.backups, manifest.parts[0].name);
  const ours: number[] = [];
  const theirs: number[] = [];
  let peak = 0;
  for (let round = 0; round < rounds; round += 1) {
    const identity = await rig.identityFile();
    const { recipient } = await rig.keystore.active();
    theirs.push(await pipeline(path, identity, recipient, join(rig.folder, 'new')));
    const { seconds, peakBytes } = await reencryptAlone(rig.folder);
    ours.push(seconds);
    peak = Math.max(peak, peakBytes);
  }
  const ratios = ours.map((seconds, index) => seconds / (theirs[index] ?? 1));
  console.log(
    `re-encrypt ${shown(statSync(path).size / 2 ** 20)} MiB: ${shown(median(ours), 1)} s, age -d | age -r with sync ${shown(median(theirs), 1)} s, ` +
      `ratio ${shown(median(ratios), 2)} (goal 0.9), memory up to ${shown(peak / 2 ** 20)} MiB (goal 250)`,
  );
}
