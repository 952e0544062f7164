import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { catalogConformance } from '../conformance/catalog.ts';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { complete, refuses, snapshot } from '../conformance/catalog-given.ts';
import { newRun, runEnd } from '../conformance/catalog-samples.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

let instances = 0;
const newInstance = (): string => `host-${(instances += 1)}`;

catalogConformance('PostgreSQL', () => {
  const instance = newInstance();
  return Promise.resolve({
    open: () => openPostgresCatalog(server.url(), instance),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

describe('an owner that is not seen any more', () => {
  it('loses its runs after a minute of the clock of the server, and cannot end them when it comes back', async () => {
    const instance = newInstance();
    await using paused = await openPostgresCatalog(server.url(), instance);
    await using other = await openPostgresCatalog(server.url(), instance);
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

describe('two hosts on one PostgreSQL', () => {
  it('do not see what the other has, whatever they are called', async () => {
    const name = 'ein-Rechner-mit-einem-sehr-langen-Namen-der-nicht-in-den-eines-Schemas-passt';
    await using one = await openPostgresCatalog(server.url(), `${name}-1`);
    await using other = await openPostgresCatalog(server.url(), `${name}-2`);
    await complete(one, 'b1');
    const before = await snapshot(one);
    await other.setPaused('db-prod', true);
    await complete(other, 'b1', { payloadBytes: 7 });
    expect(await snapshot(one)).toEqual(before);
    expect(await one.schedule('db-prod')).toEqual({ paused: false });
  });
});
