import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Key, Keystore } from '../../exporter/src/keys/keystore.ts';
import { recoverRotations } from '../../exporter/src/rotation/recover.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { put, read } from '../../exporter/src/store/conformance/bodies.ts';
import { manifestName, storedManifest, type Manifest } from '../../exporter/src/store/manifest.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import { s3Options } from '../integration/object-stores.ts';
import { S3Double } from '../servers/s3.ts';
import { openWith, storeBackups, type StoredBackup } from '../servers/stored-backups.ts';
import { TestChild } from './children.ts';
import type { RotationTask } from './rotation-s3-child.ts';

const signal = new AbortController().signal;

const pool = createSealPool({ threads: 1 });
afterAll(() => pool[Symbol.asyncDispose]());

let double: S3Double;
beforeAll(async () => {
  double = await S3Double.start();
});
afterAll(() => double[Symbol.asyncDispose]());

/** An installation whose one store is a bucket; what it holds was sealed to its first key. */
class BucketRig implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-s3-'));
  readonly bucket: string;
  readonly #store: S3Store;
  stored: readonly StoredBackup[] = [];

  constructor(bucket: string) {
    this.bucket = bucket;
    this.#store = new S3Store(s3Options(double, bucket));
  }

  /** Of one backup with two parts, each too large to be simply written again. */
  static async filled(): Promise<{ readonly rig: BucketRig; readonly oldKey: Key }> {
    const rig = new BucketRig(await double.freshBucket());
    const oldKey = await rig.keys().create({ kind: 'x25519', now: 0 });
    await using catalog = openSqliteCatalog(join(rig.folder, 'state'));
    const folder = join(rig.folder, 'made');
    const common = { folder, catalog, key: oldKey, store: 'offsite' };
    rig.stored = await storeBackups(1, { ...common, bytes: 1_200_000 });
    for (const { manifest } of rig.stored) {
      for (const name of [...manifest.parts.map((part) => part.name), manifestName(manifest)]) {
        await put(rig.#store, name, readFileSync(join(folder, name)));
      }
    }
    return { rig, oldKey };
  }

  keys(): Keystore {
    return fileKeystore({ folder: join(this.folder, 'keys'), passphrase: 'low tide', scryptLogN: 2 });
  }

  /** What a start does before anything else. */
  async recover(): Promise<void> {
    await using catalog = openSqliteCatalog(join(this.folder, 'state'));
    const stores = new Map([['offsite', this.#store]]);
    await recoverRotations({ catalog, stores, running: new Set(), now: 0, signal });
    expect(await catalog.rotations.unsettled()).toEqual([]);
  }

  async resume(mode: RotationTask['mode']): Promise<void> {
    await using catalog = openSqliteCatalog(join(this.folder, 'state'));
    const rotator = new Rotator({
      catalog,
      stores: new Map([['offsite', this.#store]]),
      keystore: this.keys(),
      pool,
      clock: systemClock,
      recoveryRecipients: [],
      running: new Set(),
    });
    const rotation =
      (await catalog.rotations.list({ limit: 1 })).length > 0
        ? await rotator.resume(undefined, { signal })
        : await rotator.rotate({ mode, trigger: 'manual' }, { signal });
    expect(rotation).toMatchObject({ status: 'completed' });
  }

  /** By the key and the manifest that the catalog names, and by those in the bucket, which are the same. */
  async expectToOpen(): Promise<void> {
    await using catalog = openSqliteCatalog(join(this.folder, 'state'));
    for (const { manifest, plainSha256 } of this.stored) {
      const backup = await catalog.backup(manifest.id);
      const sealing = backup?.copies[0]?.manifest ?? (backup && storedManifest(backup.manifest));
      if (sealing === undefined) throw new Error(`${manifest.id} is not on file`);
      const beside = (await read(this.#store, manifestName(manifest))).toString();
      expect((JSON.parse(beside) as Manifest).keyId).toBe(sealing.keyId);
      for (const [index, part] of sealing.parts.entries()) {
        const file = await read(this.#store, part.name);
        const head = createHash('sha256').update(file.subarray(0, part.headerBytes)).digest('hex');
        expect(head).toBe(part.headerSha256);
        expect(await openWith(file, await this.keys().identity(sealing.keyId))).toBe(plainSha256[index]);
      }
    }
  }

  async expectNothingElse(): Promise<void> {
    expect(await this.#store.sweep('')).toEqual([]);
    const client = double.client();
    const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: this.bucket }));
    client.destroy();
    expect(Contents).toHaveLength(3);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

// A request that only reads leaves the bucket as it was.
describe.each<[RotationTask['mode'], number]>([
  ['rewrap', 18],
  ['reencrypt', 12],
])(
  'a rotation of a bucket by %s that is killed with kill -9 at the request after each change',
  (mode, least) => {
    it('leaves every backup open, and is completed by the next process', async () => {
      let next = new TestChild('rotation-s3-child.ts', []);
      let kills = 0;
      try {
        for (let lives = false; !lives;) {
          const { rig, oldKey } = await BucketRig.filled();
          using made = rig;
          const options = s3Options(double, made.bucket);
          const child = next;
          child.tell(
            JSON.stringify({
              folder: made.folder,
              mode,
              options,
              changes: kills,
            } satisfies RotationTask),
          );
          // It loads while the first one is at work.
          next = new TestChild('rotation-s3-child.ts', []);
          lives = (await child.ended()) === 0;
          await double.calm();
          if (!lives) kills += 1;
          await made.recover();
          await made.expectToOpen();
          if (!lives) await made.resume(mode);
          await made.expectToOpen();
          await made.expectNothingElse();
          await using catalog = openSqliteCatalog(join(made.folder, 'state'));
          expect((await catalog.totals()).backupsByKey[oldKey.id]).toBe(0);
        }
      } finally {
        await next.kill();
      }
      expect(kills).toBeGreaterThan(least);
    }, 600_000);
  },
);
