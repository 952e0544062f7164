import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chownForServer, freePort, serverFolder } from '../servers/daemon.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { startPrometheusWith } from '../servers/prometheus.ts';
import { ownPrometheus } from '../servers/own-prometheus.ts';
import { configHere, makeSecrets, makeShop } from '../servers/provisioned.ts';
import { S3Double } from '../servers/s3.ts';

/** What exporter/Dockerfile and docker-compose.yml do, step by step and by hand: there is no container here. */
const root = join(import.meta.dirname, '../..');
const owner = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

function run(argv: readonly [string, ...string[]], options: object = {}): string {
  const [program, ...args] = argv;
  const end = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26, ...options });
  if (end.status !== 0) throw new Error(`${argv.join(' ')}:\n${end.stdout}${end.stderr}`);
  return end.stdout;
}

/** For what takes long, beside other things; fails with what was told. */
const runAside = promisify(execFile);

describe('the image of the exporter', () => {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let app: string;
  let port: number;
  let environment: Record<string, string>;
  let config: string;
  let postgres: PostgresServer;
  let exporter: ChildProcess;

  beforeAll(async () => {
    folder = serverFolder('image');
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    app = join(folder, 'app');
    for (const name of ['data', 'tmp']) mkdirSync(join(folder, name));
    const [s3] = await Promise.all([
      S3Double.start().then((started) => stack.use(started)),
      startPostgres().then((started) => (postgres = stack.use(started))),
      install(),
      build(),
    ]);
    port = await freePort();
    makeSecrets(folder, s3);
    makeShop(postgres, folder);
    config = join(folder, 'lowtide.yaml');
    const bucket = await s3.freshBucket();
    const places = { secrets: folder, data: join(folder, 'data'), app, port, postgres, s3, bucket };
    writeFileSync(config, configHere('lowtide.yaml', places));
    chownForServer(join(folder, 'data'));
    for (const name of ['data', 'tmp'])
      run(['chown', String(owner.uid ?? process.getuid?.()), join(folder, name)]);
    environment = {
      PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
      TMPDIR: join(folder, 'tmp'),
      LOWTIDE_INSTANCE: 'harbour',
    };
  }, 240_000);
  afterAll(() => stack.disposeAsync());

  /** The stage `dependencies`. */
  async function install(): Promise<void> {
    const source = join(folder, 'source');
    for (const path of [
      'package.json',
      'package-lock.json',
      'exporter/package.json',
      'grafana-plugin/package.json',
    ]) {
      cpSync(join(root, path), join(source, path));
    }
    const step = /^RUN (npm ci --omit=dev .+)$/m.exec(
      readFileSync(join(root, 'exporter/Dockerfile'), 'utf8'),
    )?.[1];
    await runAside('sh', ['-c', `${step ?? 'false'} --prefer-offline`], { cwd: source });
    mkdirSync(app, { recursive: true });
    renameSync(join(source, 'node_modules'), join(app, 'node_modules'));
  }

  /** The stage `build`, and what the last one copies. */
  async function build(): Promise<void> {
    mkdirSync(join(app, 'exporter'), { recursive: true });
    for (const name of ['package.json', 'docs', 'schema']) {
      cpSync(join(root, 'exporter', name), join(app, 'exporter', name), { recursive: true });
    }
    const dist = join(app, 'exporter/dist');
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const project = join(root, 'exporter/tsconfig.build.json');
    await runAside(process.execPath, [compiler, '--project', project, '--outDir', dist]);
    chmodSync(join(dist, 'cli/main.js'), 0o755);
    mkdirSync(join(folder, 'bin'));
    symlinkSync(join(dist, 'cli/main.js'), join(folder, 'bin/lowtide'));
    copyFileSync(process.execPath, join(folder, 'bin/node'));
  }

  const lowtide = (...args: readonly string[]): string =>
    run([join(folder, 'bin/lowtide'), ...args, '--config', config], {
      ...owner,
      cwd: join(folder, 'data'),
      env: environment,
    });

  const health = (): number | null => {
    const dockerfile = readFileSync(join(root, 'exporter/Dockerfile'), 'utf8');
    const command = /HEALTHCHECK [^[]*(\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]';
    const [program = '', ...args] = (JSON.parse(command) as string[]).map((word) =>
      word.replace('127.0.0.1:10210', `127.0.0.1:${port}`),
    );
    return spawnSync(join(folder, 'bin', program), args, { ...owner, env: environment }).status;
  };

  const check = (patienceMs: number, ...addresses: readonly string[]) =>
    spawnSync(process.execPath, [join(root, 'test/stack/check.ts'), ...addresses], {
      encoding: 'utf8',
      env: { PATIENCE_MS: String(patienceMs) },
    });

  it('has nothing that only development needs', () => {
    const installed = readdirSync(join(app, 'node_modules'));
    expect(installed).toContain('express');
    for (const name of ['typescript', 'vitest', 'eslint', 'webpack', 'react'])
      expect(installed).not.toContain(name);
  });

  it('takes the config of the containers', () => {
    expect(lowtide('check-config')).toContain('is valid: 3 schedules, 0 warnings.');
  });

  it('starts as a user of its own, in a folder where it may write nothing but data, and makes a first key', async () => {
    exporter = spawn('sh', [join(root, 'provisioning/lowtide/serve.sh'), config], {
      ...owner,
      cwd: join(folder, 'data'),
      env: environment,
      stdio: 'ignore',
    });
    stack.defer(() => void exporter.kill('SIGKILL'));
    await vi.waitUntil(() => health() === 0, { timeout: 60_000, interval: 500 });
    expect(JSON.parse(lowtide('keys', '--json'))).toHaveLength(1);
    if (owner.uid === undefined) return;
    const written = run([
      'find',
      folder,
      '-newer',
      config,
      '-user',
      'nobody',
      '-not',
      '-path',
      `${folder}/data*`,
    ]);
    expect(
      written.split('\n').filter((path) => path !== '' && !path.startsWith(join(folder, 'tmp'))),
    ).toEqual([]);
  });

  it('backs up the shop to a folder and to a bucket', () => {
    expect(JSON.parse(lowtide('backup', 'shop', '--json'))).toMatchObject({ status: 'completed' });
    expect(JSON.parse(lowtide('backups', '--json'))).toContainEqual(
      expect.objectContaining({
        schedule: 'shop',
        copies: [
          expect.objectContaining({ store: 'local', status: 'good' }),
          expect.objectContaining({ store: 'offsite', status: 'good' }),
        ],
      }),
    );
  });

  it('passes the check of the whole, as far as it can be made here', async () => {
    await using prometheus = await startPrometheusWith(ownPrometheus(`127.0.0.1:${port}`));
    const whole = check(40_000, `http://127.0.0.1:${port}`, prometheus.url);
    expect([whole.status, whole.stdout]).toEqual([0, expect.stringMatching(/^(ok .+\n){5}$/)]);
    const broken = check(1, `http://127.0.0.1:${port}`, prometheus.url, 'http://127.0.0.1:1');
    expect([broken.status, broken.stdout]).toEqual([
      1,
      expect.stringContaining('FAILED  Grafana has the alerts'),
    ]);
  });

  it('ends when it is told to, and its health check then says so', async () => {
    const ended = new Promise((resolve) => exporter.once('exit', resolve));
    exporter.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(health()).toBe(1);
  });
});
