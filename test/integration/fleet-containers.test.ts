import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePort, serverFolder } from '../servers/daemon.ts';
import { eventually } from '../servers/eventually.ts';
import { ownPrometheus } from '../servers/own-prometheus.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { startPrometheusWith } from '../servers/prometheus.ts';
import { program } from '../servers/programs.ts';
import { configHere, makeSecrets, makeShop } from '../servers/provisioned.ts';
import { S3Double } from '../servers/s3.ts';

/** What the containers of the compose profile `fleet` do, by hand: there is no container here. */
const root = join(import.meta.dirname, '../..');

interface ComposeFile {
  readonly services: Readonly<
    Record<string, { readonly profiles?: readonly string[]; readonly environment?: Record<string, string> }>
  >;
}

interface Host {
  readonly service: string;
  readonly instance: string;
  readonly folder: string;
  readonly config: string;
  readonly address: string;
}

const stack = new AsyncDisposableStack();
let folder: string;
let postgres: PostgresServer;
let hosts: readonly Host[];
beforeAll(async () => {
  folder = serverFolder('fleet-containers');
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [s3] = await Promise.all([
    S3Double.start().then((started) => stack.use(started)),
    startPostgres().then((started) => (postgres = stack.use(started))),
  ]);
  makeSecrets(folder, s3);
  makeShop(postgres, folder);
  const password = readFileSync(join(folder, 'fleet-postgres/password'), 'utf8');
  postgres.query(`CREATE ROLE lowtide LOGIN PASSWORD '${password}'`);
  postgres.query('CREATE DATABASE lowtide OWNER lowtide');
  installLowtide();
  const bucket = await s3.freshBucket();
  const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), {
    merge: true,
  }) as ComposeFile;
  hosts = await Promise.all(
    Object.entries(services).flatMap(([service, { profiles, environment }]) => {
      const instance = environment?.['LOWTIDE_INSTANCE'];
      return profiles?.[0] === 'fleet' && instance !== undefined
        ? [hostOf(service, instance, s3, bucket)]
        : [];
    }),
  );
  for (const host of hosts) start(host);
});
afterAll(() => stack.disposeAsync());

async function hostOf(service: string, instance: string, s3: S3Double, bucket: string): Promise<Host> {
  const data = join(folder, `${service}-data`);
  mkdirSync(data);
  const port = await freePort();
  const config = join(folder, `${service}.yaml`);
  const places = { secrets: folder, data, app: root, port, postgres, s3, bucket };
  writeFileSync(config, configHere('fleet.yaml', places));
  return { service, instance, folder: data, config, address: `127.0.0.1:${port}` };
}

/** The command, as the image has it. */
function installLowtide(): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  writeFileSync(join(bin, 'lowtide'), `#!/bin/sh\nexec node ${program('exporter/src/cli/main.ts')} "$@"\n`);
  chmodSync(join(bin, 'lowtide'), 0o755);
}

/** The one that the app asks. */
function pier(): Host {
  const found = hosts.find(({ service }) => service === 'fleet-pier');
  if (found === undefined) throw new Error('the fleet has no pier');
  return found;
}

const environmentOf = ({ instance }: Host): Record<string, string> => ({
  PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
  LOWTIDE_INSTANCE: instance,
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(folder, 'compiled'),
});

function lowtide(host: Host, ...args: readonly string[]): string {
  const end = spawnSync('lowtide', [...args, '--config', host.config], {
    cwd: host.folder,
    env: environmentOf(host),
    encoding: 'utf8',
  });
  if (end.status !== 0) throw new Error(`lowtide ${args.join(' ')}: ${end.stdout}${end.stderr}`);
  return end.stdout;
}

/** As its container does, to the end of the tests. */
function start(host: Host): void {
  const exporter = spawn('sh', [join(root, 'provisioning/lowtide/serve.sh'), host.config], {
    cwd: host.folder,
    env: environmentOf(host),
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => exporter.once('exit', resolve));
  stack.defer(async () => {
    exporter.kill('SIGKILL');
    await ended;
  });
}

const rows = (sql: string): readonly string[] => postgres.query(sql, 'lowtide').split('\n').filter(Boolean);

interface Listed {
  readonly instance: string;
  readonly state: string;
  readonly isPlanner: boolean;
}

/** As Grafana asks, of one for all. */
async function listedBy({ address }: Host): Promise<readonly Listed[]> {
  const token = readFileSync(join(folder, 'grafana/grafana-token'), 'utf8');
  const response = await fetch(`http://${address}/api/v1/hosts`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { readonly items: readonly Listed[] }).items;
}

interface Slot {
  readonly host: string;
  readonly owner: string;
  readonly schedule: string;
  readonly dueAt: number;
  readonly start: number;
  readonly end: number;
}

const slots = (): readonly Slot[] =>
  rows('SELECT instance, slots FROM lowtide.plan_slots').flatMap((row) => {
    const [host = '', text = ''] = row.split('|');
    const planned = JSON.parse(text) as [string, string, number, number, number][];
    return planned.map(([owner, schedule, dueAt, start, end]) => ({
      host,
      owner,
      schedule,
      dueAt,
      start,
      end,
    }));
  });

describe('the fleet of the containers', () => {
  it('has a config that is taken', () => {
    expect(hosts.map(({ instance }) => instance)).toEqual(['pier', 'quay', 'wharf']);
    expect(lowtide(pier(), 'check-config')).toContain('is valid: 3 schedules, 0 warnings.');
  });

  it('comes up on an empty PostgreSQL, all at once, and is planned by one and scraped by name', async () => {
    await using prometheus = await startPrometheusWith(
      ownPrometheus(new Map(hosts.map(({ service, address }) => [service, address]))),
    );
    await eventually(async () => {
      const listed = await listedBy(pier());
      expect(listed.map(({ instance, state }) => [instance, state])).toEqual(
        hosts.map(({ instance }) => [instance, 'alive']),
      );
      expect(listed.filter(({ isPlanner }) => isPlanner)).toHaveLength(1);
    });
    await eventually(async () => {
      const up = await prometheus.ask('up{job="backups"} == 1');
      expect(up.map(({ metric }) => metric['instance']).sort()).toEqual(
        hosts.map(({ service }) => `${service}:10210`),
      );
    });
    expect(await prometheus.ask('{job="backups", exported_instance!=""}')).toEqual([]);
  });

  it('backs up the shop to a folder and to the bucket', async () => {
    // It is due every ten minutes: one of the hosts may be at it.
    const backup = await eventually(() => lowtide(pier(), 'backup', 'shop', '--json'));
    expect(JSON.parse(backup)).toMatchObject({
      status: 'completed',
      verification: [
        { store: 'local', status: 'passed' },
        { store: 'offsite', status: 'passed' },
      ],
    });
  });

  it('has in its plan what is of the pool once, and lets nobody meet another at the bucket', async () => {
    await eventually(() => expect(new Set(slots().map(({ host }) => host)).size).toBe(hosts.length));
    const ofPool = slots().filter(({ owner }) => owner === 'shop');
    expect(ofPool.length).toBeGreaterThan(3);
    expect(new Set(ofPool.map(({ dueAt }) => dueAt)).size).toBe(ofPool.length);
    const sending = slots()
      .filter(({ schedule }) => schedule !== 'documents')
      .sort((a, b) => a.start - b.start);
    expect(sending.filter(({ start }, index) => start < (sending[index - 1]?.end ?? 0))).toEqual([]);
    expect(sending.filter(({ dueAt, start }) => start > dueAt + 50 * 60_000)).toEqual([]);
  });
});
