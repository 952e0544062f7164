import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { catalogConformance } from '../conformance/catalog.ts';
import { interruptRunsOf } from '../../exporter/src/catalog/postgres/silent-host.ts';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { complete, refuses, snapshot } from '../conformance/catalog-given.ts';
import { newRun, noon, runEnd } from '../conformance/catalog-samples.ts';
import { canMount, Disk } from './disks.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'lowtide-homes-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** As one more owner, with a home of its own unless said otherwise. */
async function opened(instance: string, home = newFolder()): Promise<Catalog> {
  const postgres = openPostgres(server.url(), { applicationName: 'tests' });
  const assertOurs = (): Promise<void> => Promise.resolve();
  return await openPostgresCatalog(postgres, { instance, folder: home, assertOurs });
}

let folder: string;
const newFolder = (): string => mkdtempSync(join(folder, 'home-'));
let instances = 0;
const newInstance = (): string => `host-${(instances += 1)}`;

catalogConformance('PostgreSQL', () => {
  const instance = newInstance();
  const home = newFolder();
  return Promise.resolve({
    open: () => opened(instance, home),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

describe('an owner at home where another is', () => {
  it('is alive as long as it holds its lock there, though it was not seen for an hour', async () => {
    const instance = newInstance();
    const home = newFolder();
    const quiet = await opened(instance, home);
    await using other = await opened(instance, home);
    await quiet.startRun(newRun('r1'));
    server.query(`UPDATE ${schemaOf(instance)}.owners SET seen_at = now() - interval '1 hour'`);
    expect(await other.orphanedRuns(new Set())).toEqual([]);
    await quiet[Symbol.asyncDispose]();
    expect(await other.orphanedRuns(new Set())).toMatchObject([{ id: 'r1' }]);
  });
});

describe.runIf(canMount)('an owner at home on a disk that is full', () => {
  it('is let in, to make room, and leaves nothing where it cannot be', async () => {
    const instance = newInstance();
    using disk = Disk.tmpfs('size=64k');
    const [home, other] = [join(disk.path, 'home'), join(disk.path, 'other')];
    await (await opened(instance, home))[Symbol.asyncDispose]();
    mkdirSync(other);
    expect(() => writeFileSync(join(disk.path, 'full'), Buffer.alloc(100_000))).toThrow('ENOSPC');
    await using again = await opened(instance, home);
    expect(await again.schedule('db-prod')).toEqual({ paused: false });
    await refuses('state_full', () => opened(instance, other));
    expect(readdirSync(other)).toEqual([]);
  });
});

describe('an owner at home elsewhere that is not seen any more', () => {
  it('loses its runs after a minute of the clock of the server, and cannot end them when it comes back', async () => {
    const instance = newInstance();
    await using paused = await opened(instance);
    await using other = await opened(instance);
    const run = await paused.startRun(newRun('r1'));
    const lastSeen = (seconds: number): string =>
      server.query(`UPDATE ${schemaOf(instance)}.owners SET seen_at = now() - interval '${seconds} seconds'`);
    lastSeen(50);
    expect(await other.orphanedRuns(new Set())).toEqual([]);
    await refuses('run_active', () => other.finishRun('r1', runEnd(run, { status: 'interrupted' })));
    lastSeen(61);
    expect(await other.orphanedRuns(new Set())).toMatchObject([{ id: 'r1' }]);
    await other.finishRun('r1', runEnd(run, { status: 'interrupted' }));
    await refuses('run_ended', () => paused.finishRun('r1', runEnd(run)));
    expect(await other.backups({ limit: 1 })).toEqual([]);
  });
});

describe('a text with a NUL, which PostgreSQL cannot hold', () => {
  it('is kept with U+FFFD in its place, and as it was where it is part of JSON', async () => {
    await using catalog = await opened(newInstance());
    const run = await catalog.startRun(newRun('r1'));
    await catalog.runLogs.append('r1', { at: run.startedAt, level: 'warn', message: 'pg_dump: a\0b' });
    expect(await catalog.runLogs.of('r1')).toMatchObject([{ message: 'pg_dump: a\uFFFDb' }]);
    const error = { code: 'source_failed', message: 'it said: \0' };
    await catalog.finishRun('r1', { ...runEnd(run, { status: 'failed' }), error });
    expect(await catalog.run('r1')).toMatchObject({ error });
    await complete(catalog, 'b1');
    await catalog.removeCopy('b1', 'local', 'asked for by \0', run.startedAt);
    expect((await catalog.backup('b1'))?.copies[0]?.pruneReason).toBe('asked for by \uFFFD');
  });
});

describe('a host that nobody has heard of', () => {
  it('has its runs ended by another, but not where their Lowtide is of another version', async () => {
    const instance = newInstance();
    await using silent = await opened(instance);
    await silent.startRun(newRun('r1'));
    await using postgres = openPostgres(server.url(), { applicationName: 'tests' });
    const end = (): ReturnType<typeof interruptRunsOf> => interruptRunsOf(postgres, instance, noon);
    expect(await end()).toEqual({ ended: [], isDone: false });
    const schema = schemaOf(instance);
    server.query(`UPDATE ${schema}.owners SET seen_at = now() - interval '61 seconds'`);
    server.query(`UPDATE ${schema}.lowtide_schema SET version = version + 1`);
    expect(await end()).toEqual({ ended: [], isDone: true });
    server.query(`UPDATE ${schema}.lowtide_schema SET version = version - 1`);
    expect(await end()).toMatchObject({ ended: [{ id: 'r1', status: 'interrupted' }], isDone: true });
    expect(await silent.run('r1')).toMatchObject({ error: { code: 'host_silent' } });
  });

  it('and finds at its return that they were cut off, does not count them once more', async () => {
    const instance = newInstance();
    await using silent = await opened(instance);
    const [r1, r2] = [newRun('r1'), newRun('r2', { schedule: 'other' })];
    for (const run of [r1, r2]) await silent.startRun(run);
    server.query(`UPDATE ${schemaOf(instance)}.owners SET seen_at = now() - interval '61 seconds'`);
    await using postgres = openPostgres(server.url(), { applicationName: 'tests' });
    await interruptRunsOf(postgres, instance, noon);
    const error = { code: 'interrupted', message: 'its process ended over it' } as const;
    const later = { finishedAt: noon + 300_000 };
    await silent.finishRun('r1', runEnd(r1, { status: 'interrupted', error, ...later }));
    await silent.finishRun('r2', runEnd(r2, later));
    expect(await silent.run('r1')).toMatchObject({ status: 'interrupted', finishedAt: noon, error });
    expect(await silent.run('r2')).toMatchObject({ status: 'completed', ...later });
    const ends = (await silent.eventsAfter(0, 20)).flatMap(({ body }) =>
      body.name === 'run:finished' ? [`${body.runId} ${body.status}`] : [],
    );
    expect(ends).toEqual(['r1 interrupted', 'r2 interrupted', 'r2 completed']);
    expect(await silent.orphanedRuns(new Set())).toEqual([]);
  });
});

describe('two hosts on one PostgreSQL', () => {
  it('do not see what the other has, whatever they are called', async () => {
    const name = `ein-Rechner-mit-einem-sehr-langen-Namen-der-nicht-in-den-eines-Schemas-passt-${newInstance()}`;
    await using one = await opened(`${name}-1`);
    await using other = await opened(`${name}-2`);
    await complete(one, 'b1');
    const before = await snapshot(one);
    await other.setPaused('db-prod', true);
    await complete(other, 'b1', { payloadBytes: 7 });
    expect(await snapshot(one)).toEqual(before);
    expect(await one.schedule('db-prod')).toEqual({ paused: false });
  });
});
