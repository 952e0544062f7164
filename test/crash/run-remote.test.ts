import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { azureYaml, s3Yaml } from '../integration/object-stores.ts';
import { Azurite } from '../servers/azurite.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { S3Double } from '../servers/s3.ts';
import { TestChild } from './children.ts';

const signal = new AbortController().signal;
const mebibyte = 1024 * 1024;

/** An installation with one store, and a schedule for each way to be killed in. */
class Remote implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-remote-'));
  readonly configFile: string;

  private constructor(store: string, ids: readonly string[], command: string) {
    const source = `source: { type: command, argv: [bash, -c, '${command}'] }`;
    const schedules = ids.map((id) => `  - { id: ${id}, ${source}, every: 1d, stores: [away] }`).join('\n');
    this.configFile = writeConfig(this.folder, schedules, { stores: `{ away: ${store} }` });
  }

  static async make(store: string, ids: readonly string[], command: string): Promise<Remote> {
    const remote = new Remote(store, ids, command);
    const { config } = await readConfig(remote.configFile, {});
    await makeKey(config, 0);
    return remote;
  }

  child(id: string): TestChild {
    return new TestChild('run-remote-child.ts', [this.configFile, id]);
  }

  /** What the next process to come does: the status of each run by its schedule, and the names left in the store. */
  async recovered(): Promise<{
    readonly statuses: Readonly<Record<string, string>>;
    readonly names: readonly string[];
  }> {
    await using installation = await openInstallation(await readConfig(this.configFile, {}), {});
    const { jobs, catalog, stores } = installation;
    const runs = await jobs.recover(signal);
    for (const backup of await catalog.backups({ status: 'completed', limit: 10 })) {
      const { copies } = await jobs.verify(backup, { signal });
      expect(copies.map(({ status }) => status)).toEqual(['passed']);
    }
    const names = await Array.fromAsync(stores.get('away')?.list('') ?? [], ({ name }) => name);
    expect(await stores.get('away')?.sweep('')).toEqual([]);
    return { statuses: Object.fromEntries(runs.map(({ schedule, status }) => [schedule, status])), names };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

describe('a process that is killed with kill -9 while it uploads to S3', () => {
  let double: S3Double;
  beforeAll(async () => {
    double = await S3Double.start();
  });
  afterAll(() => double[Symbol.asyncDispose]());

  it('leaves no upload nor part of a backup behind, and a whole one is filed though its listing lags', async () => {
    const moments = [
      ['part', 'UploadPart', 1],
      ['completing', 'CompleteMultipartUpload', 0],
      ['manifest', 'PutObject', 0],
      // Looked for beforehand and afterwards, as the part was.
      ['filing', 'HeadObject', 3],
    ] as const;
    const bucket = await double.freshBucket();
    const ids = moments.map(([id]) => id);
    const content = `head -c ${9 * mebibyte} /dev/urandom`;
    using remote = await Remote.make(s3Yaml(double, bucket), ids, content);
    await Promise.all(
      moments.map(async ([id, operation, after]) => {
        await using child = remote.child(id);
        await child.written(1);
        const pid = child.pid;
        await double.fail({ operation, key: `/${id}-`, after, times: 1, effect: { kind: 'kill', pid } });
        expect(await child.ended()).toBe(null);
      }),
    );
    await double.fail({
      operation: 'ListObjectsV2',
      times: 4,
      effect: { kind: 'hide', keys: 'filing.*json$' },
    });
    const { statuses, names } = await remote.recovered();
    expect(statuses).toEqual({
      part: 'interrupted',
      completing: 'interrupted',
      manifest: 'interrupted',
      filing: 'completed',
    });
    await double.calm();
    expect(names.filter((name) => !name.startsWith('filing/'))).toEqual([]);
    const client = double.client();
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    client.destroy();
    expect(Uploads).toEqual([]);
    expect(Contents).toHaveLength(2);
  });
});

describe('a process that is killed with kill -9 while it uploads to Azure', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await Azurite.start();
  });
  afterAll(() => azurite[Symbol.asyncDispose]());

  it('leaves no blocks behind', async () => {
    const container = await azurite.freshContainer();
    using remote = await Remote.make(azureYaml(azurite, container), ['endless'], 'cat /dev/urandom');
    await using child = remote.child('endless');
    const uncommitted = async (): Promise<readonly string[]> => {
      const blobs = azurite.client(container).listBlobsFlat({ includeUncommitedBlobs: true });
      return await Array.fromAsync(blobs, ({ name }) => name);
    };
    for (let lines = 1; (await uncommitted()).length === 0; lines += 1) await child.written(lines);
    await child.kill();
    const { statuses, names } = await remote.recovered();
    expect(statuses).toEqual({ endless: 'interrupted' });
    expect(names).toEqual([]);
    expect(await uncommitted()).toEqual([]);
  });
});
