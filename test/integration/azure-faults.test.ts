import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Azurite } from '../servers/azurite.ts';
import { TestInstallation } from '../servers/installation.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { azureYaml } from './object-stores.ts';

const signal = new AbortController().signal;
const content = randomBytes(10 * 1024 * 1024);

let azurite: Azurite;
let proxy: TcpProxy;
let container: string;
let installation: TestInstallation;
beforeAll(async () => {
  azurite = await Azurite.start();
  proxy = await startTcpProxy(azurite.port);
  container = await azurite.freshContainer();
  installation = await TestInstallation.make(
    `  - { id: both, source: { type: command, argv: [bash, -c, 'cat FOLDER/data'] }, every: 1d, stores: [local, offsite] }`,
    {
      stores: `{ local: { type: directory, path: ./backups }, offsite: ${azureYaml({ connectionString: azurite.connectionStringAt(proxy.port) }, container)} }`,
    },
  );
  writeFileSync(join(installation.folder, 'data'), content);
});
afterAll(async () => {
  await installation[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await azurite[Symbol.asyncDispose]();
});

/** Once requests are stuck, they are cut off. */
async function breakAmid(): Promise<void> {
  proxy.freeze();
  await delay(300);
  proxy.cut();
  proxy.thaw();
}

it('a backup goes on when its connections break in the middle of the upload', async () => {
  const breaks: Promise<void>[] = [];
  const onProgress = (bytes: number): void => {
    if (bytes >= (2 * breaks.length + 1) * (content.length / 4)) breaks.push(breakAmid());
  };
  const { run } = await installation.backUp('both', { onProgress });
  await Promise.all(breaks);
  expect(run).toMatchObject({ status: 'completed', warnings: [] });
  expect(breaks).toHaveLength(2);
  const backup = await installation.backupOf(run);
  const { copies } = await installation.opened.jobs.verify(backup, { signal });
  expect(copies.map(({ store, status }) => `${store} ${status}`)).toEqual(['local passed', 'offsite passed']);
});

it('a container that is gone costs its own copy alone, and takes none for damaged', async () => {
  const before = await installation.completed('both');
  await azurite.client(container).delete();
  try {
    const { run } = await installation.backUp('both');
    expect(run).toMatchObject({
      status: 'completed',
      warnings: [expect.stringContaining('there is no such container') as string],
    });
    const { copies } = await installation.opened.jobs.verify(before, { signal });
    expect(copies.map(({ store, status }) => `${store} ${status}`)).toEqual([
      'local passed',
      'offsite unable',
    ]);
    const target = join(mkdtempSync(join(installation.folder, 'restored-')), 'data');
    await installation.opened.jobs.restore(await installation.backupOf(run), target, {
      signal,
      force: false,
    });
    expect(readFileSync(target).equals(content)).toBe(true);
  } finally {
    await azurite.client(container).create();
  }
});
