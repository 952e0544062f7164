import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CopyStatus } from '../../exporter/src/catalog/catalog.ts';
import { FullReadPolicy } from '../../exporter/src/service/full-read-policy.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { TestInstallation } from '../servers/installation.ts';
import { storeBackups } from '../servers/stored-backups.ts';

const { signal } = new AbortController();
const schedules =
  '  - { id: old, source: { type: command, argv: [echo, old] }, every: 1d, stores: [local], verify: { full_read: 7d } }';
const count = 42;

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules);
  const { catalog, keystore } = installation.opened;
  const folder = join(installation.folder, 'backups');
  // They are of last spring.
  await storeBackups(count, {
    folder,
    catalog,
    key: await keystore.active(),
    sample: () => ({ schedule: 'old' }),
  });
});
afterEach(() => installation[Symbol.asyncDispose]());

const statuses = async (): Promise<readonly (CopyStatus | undefined)[]> =>
  (await installation.opened.catalog.backups({ limit: 100 }))
    .map(({ copies }) => copies[0]?.status)
    .toReversed();
const read = async (): Promise<number> =>
  (await installation.opened.catalog.eventsAfter(0, 1000)).filter(({ body }) => body.name === 'backup:read')
    .length;

function policy(given: { isNow: boolean; up: boolean; waited?: number }): FullReadPolicy {
  return new FullReadPolicy({
    installation: () => installation.opened,
    log: createLog({ level: 'debug', format: 'json', redact: String, write: () => undefined }),
    quiet: {
      isNow: () => Promise.resolve(given.isNow),
      pace: () => ({
        turn: () => Promise.resolve((given.waited = (given.waited ?? 0) + 1)).then(() => undefined),
        onProgress: () => undefined,
        [Symbol.dispose]: () => undefined,
      }),
    },
    stores: () => [{ id: 'local', provider: 'local', lastCheck: { up: given.up, at: 0 } }],
    track: (work) => work,
  });
}

it("reads the day's share of what nobody has read for long, finds what has rotted, and no more on the same day", async () => {
  const [first] = (await installation.opened.catalog.backups({ limit: 100 })).toReversed();
  const path = first?.copies[0]?.path ?? '';
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);

  const given = { isNow: false, up: true, waited: 0 };
  const reading = policy(given);
  await reading.look(signal);
  expect(reading.facts()).toMatchObject({ local: { overdue: count } });
  Object.assign(given, { isNow: true, up: false });
  await reading.look(signal);
  expect(await read()).toBe(0);

  given.up = true;
  await reading.look(signal);
  // All of it within 5.25 days, and a quarter more; every fifth backup has two parts.
  expect(await read()).toBeGreaterThanOrEqual(8);
  expect(await read()).toBeLessThanOrEqual(12);
  expect(given.waited).toBeGreaterThan(8);
  expect((await statuses()).filter((status) => status === 'damaged')).toEqual(['damaged']);
  expect((await installation.opened.catalog.backup(first?.id ?? ''))?.copies[0]?.status).toBe('damaged');

  const before = await read();
  await reading.look(signal);
  // The damaged one was read for nothing.
  expect((await read()) - before).toBeLessThanOrEqual(1);
  expect(reading.facts()['local']?.overdue).toBe(count - 1 - before);
});

it('needs no key, and tells a copy that cannot be read from one that has rotted', async () => {
  const { catalog, jobs } = installation.opened;
  const [backup] = await catalog.backups({ limit: 1 });
  if (backup === undefined) throw new Error('there is no backup');
  const manifest = storedManifest(backup.manifest);
  const resealed = { ...manifest, keyId: 'key-0000000000ff' };
  await catalog.adoptBackup(resealed, { store: 'local', path: '/x', status: 'good' });
  const other = (await catalog.backup(backup.id)) ?? backup;
  expect((await jobs.readInFull(other, 'local', { signal })).status).toBe('failed');
  await catalog.adoptBackup(manifest, { store: 'local', path: '/x', status: 'good' });
  const again = (await catalog.backup(backup.id)) ?? backup;
  expect((await jobs.readInFull(again, 'local', { signal })).status).toBe('passed');
  expect(await jobs.readInFull(again, 'elsewhere', { signal })).toMatchObject({
    status: 'unable',
    error: { code: 'store_unavailable' },
  });
});
