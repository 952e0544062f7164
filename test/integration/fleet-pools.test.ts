import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { everyFourMinutes, FleetHost } from '../servers/fleet-host.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import type { ServeProcess } from '../servers/serve-process.ts';

let server: PostgresServer;
let root: string;
let pooled: string;
beforeEach(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-fleet-pools-'));
  pooled = `  - { id: shared, pool: any, source: { type: command, argv: ${waits} }, ${everyFourMinutes()}, ${light}, stores: [local] }`;
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

const waits = `['sh', '-c', 'until [ -e ROOT/go ]; do sleep 0.05; done; echo done']`;
/** So small and short that there is always room for it. */
const light = 'estimated_duration: 10s, resources: { cpu: 0.01, memory: 0.01 }';
const own = `  - { id: own, source: { type: command, argv: ['true'] }, every: 1d, ${light}, stores: [local] }`;
const attempts = (): string =>
  server.query(
    `SELECT state || ' ' || attempt FROM lowtide_jobs.job WHERE lane = 'pool/any' AND claimer IS NOT NULL ORDER BY due_at LIMIT 1`,
  );
const jobs = (): string[] =>
  server
    .query(
      `SELECT state || ' ' || claimer FROM lowtide_jobs.job WHERE lane = 'pool/any' AND claimer IS NOT NULL ORDER BY due_at`,
    )
    .split('\n')
    .filter((line) => line !== '');

const patiently = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 180_000, interval: 100 });

describe('a schedule of a pool', () => {
  type Name = 'db1' | 'db2';
  const make = async (name: Name): Promise<FleetHost> => {
    const host = await FleetHost.make(server, join(root, name), name, pooled.replaceAll('ROOT', root), {
      pools: ['any'],
    });
    await host.owe('shared');
    return host;
  };
  /** They hear of each other, of the plan, and of what was given out, with their beats. */
  const claimed = async (): Promise<{ readonly holder: Name; readonly heir: Name }> => {
    await patiently(() => expect(jobs()).toEqual([expect.stringMatching(/^claimed db[12]$/)]));
    return jobs()[0]?.split(' ')[1] === 'db1'
      ? { holder: 'db1', heir: 'db2' }
      : { holder: 'db2', heir: 'db1' };
  };
  /** As a minute later. */
  const silence = (holder: Name): string =>
    server.query(`
      UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/${holder}' OR (name = 'planner' AND holder = '${holder}');
      UPDATE lowtide_jobs.job SET beat_at = beat_at - 61000 WHERE state = 'claimed'`);

  it('is run by one of its hosts, and by another where that one dies', async () => {
    const hosts = { db1: await make('db1'), db2: await make('db2') };
    await using one = await hosts.db1.serve();
    await using other = await hosts.db2.serve();
    const { holder, heir } = await claimed();
    expect(hosts[heir].runs()).toEqual([]);
    await (holder === 'db1' ? one : other).kill();
    silence(holder);
    writeFileSync(join(root, 'go'), '');
    await patiently(() => expect(jobs()).toContain(`finished ${heir}`));
    expect(hosts[heir].runs()).toContainEqual(expect.stringMatching(/^completed /));

    await using back = await hosts[holder].serve();
    const shown = async (service: ServeProcess): Promise<Record<string, unknown>> =>
      (await service.call(`/schedules/shared?host=${service === back ? holder : heir}`)).body;
    const living = heir === 'db1' ? one : other;
    await patiently(async () => {
      const both = [await shown(back), await shown(living)];
      expect(hosts[holder].runs()).not.toContainEqual(expect.stringMatching(/^completed /));
      for (const { lastSuccessAt } of both) expect(lastSuccessAt).toEqual(both[0]?.['lastSuccessAt']);
      expect(both[0]?.['lastSuccessAt']).toBeDefined();
      expect(both.filter(({ nextRunAt }) => nextRunAt !== undefined)).toHaveLength(1);
    });
  }, 400_000);

  it('is made once where a host sleeps over its claim, and finds its run done as it wakes', async () => {
    const hosts = { db1: await make('db1'), db2: await make('db2') };
    await using one = await hosts.db1.serve();
    await using other = await hosts.db2.serve();
    const { holder, heir } = await claimed();
    const sleeper = holder === 'db1' ? one : other;
    await patiently(() => expect(hosts[holder].runs()).toHaveLength(1));
    sleeper.signal('SIGSTOP');
    silence(holder);
    await patiently(() => expect(jobs()).toEqual([`claimed ${heir}`]));
    writeFileSync(join(root, 'go'), '');
    await patiently(() => expect(jobs()).toContain(`finished ${heir}`));
    sleeper.signal('SIGCONT');
    await sleeper.said('backup interrupted');
    expect(jobs()).toContain(`finished ${heir}`);
    await patiently(() => expect(hosts[holder].runs()).toEqual([expect.stringMatching(/^interrupted /)]));
    expect(hosts[heir].runs()).toContainEqual(expect.stringMatching(/^completed /));
  }, 400_000);

  it('is made by who sleeps over its claim, where nobody else has begun it as that one wakes', async () => {
    const host = await make('db1');
    const planner = await FleetHost.make(server, join(root, 'db2'), 'db2', own);
    await using sleeper = await host.serve();
    await patiently(() => expect(host.runs()).toHaveLength(1));
    await using other = await planner.serve();
    sleeper.signal('SIGSTOP');
    silence('db1');
    await patiently(() => expect(attempts()).toBe('waiting 2'));
    sleeper.signal('SIGCONT');
    writeFileSync(join(root, 'go'), '');
    await sleeper.said('backup completed');
    await patiently(() => expect(attempts()).toBe('finished 1'));
    expect(host.runs()[0]).toMatch(/^completed /);
    expect(other.log).toContain('is given out again');
  }, 400_000);

  it('that ended while PostgreSQL was away is not given out again', async () => {
    const host = await FleetHost.make(server, join(root, 'db1'), 'db1', pooled.replaceAll('ROOT', root), {
      pools: ['any'],
    });
    await host.owe('shared');
    await using service = await host.serve();
    await patiently(() => expect(jobs()).toEqual(['claimed db1']));
    await server.crash();
    writeFileSync(join(root, 'go'), '');
    await service.said('backup completed');
    await server.restart();
    // With a beat: in a minute others would take the claim for silent.
    await vi.waitFor(() => expect(jobs()[0]).toBe('finished db1'), { timeout: 30_000, interval: 100 });
    await patiently(() => expect(host.runs()).toContainEqual(expect.stringMatching(/^completed /)));
  }, 400_000);
});
