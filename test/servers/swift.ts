import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './daemon.ts';

const parts = ['account', 'container', 'object'] as const;

/**
 * OpenStack Swift with its face of S3 (`s3api`), on loopback: the one server that speaks S3 in Debian 12 beside Ceph's, which wants
 * a cluster. One device, one replica, no fsync worth its name: it is there to say what a server that is not ours makes of us.
 */
export class Swift implements AsyncDisposable {
  readonly accessKeyId = 'lowtide:test';
  readonly secretAccessKey = 'testing';
  readonly region = 'eu-west-1';
  readonly endpoint: string;
  readonly #folder: string;
  readonly #servers: readonly ChildProcess[];

  private constructor(folder: string, port: number, servers: readonly ChildProcess[]) {
    this.#folder = folder;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.#servers = servers;
  }

  static async start(): Promise<Swift> {
    const folder = mkdtempSync(join(tmpdir(), 'lowtide-swift-'));
    mkdirSync(join(folder, 'devices', 'disk'), { recursive: true });
    const memcachedPort = await freePort();
    const memcached = ['-u', userInfo().username, '-l', '127.0.0.1', '-p', String(memcachedPort)];
    const servers = [start('memcached', memcached)];
    const swift = (name: string, text: string): void => {
      const file = join(folder, `${name}.conf`);
      writeFileSync(file, text);
      servers.push(start(`swift-${name}-server`, [file]));
    };
    for (const part of parts) {
      const port = await freePort();
      makeRing(folder, part, port);
      swift(part, `${common(folder, port)}\n[pipeline:main]\npipeline = ${part}-server\n${app(part)}`);
      await listening(port);
    }
    const port = await freePort();
    swift('proxy', proxyConfig(folder, port, memcachedPort));
    await listening(port);
    return new Swift(folder, port, servers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#servers.map(async (server) => {
        const ended = new Promise((resolve) => server.once('close', resolve));
        if (server.kill('SIGKILL')) await ended;
      }),
    );
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function start(program: string, args: readonly string[]): ChildProcess {
  const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  process.once('exit', () => server.kill('SIGKILL'));
  return server;
}

function makeRing(folder: string, part: string, port: number): void {
  const device = ['--region', '1', '--zone', '1', '--ip', '127.0.0.1', '--port', String(port)];
  for (const args of [
    ['create', '4', '1', '0'],
    ['add', ...device, '--device', 'disk', '--weight', '1'],
    ['rebalance'],
  ]) {
    const { status, stdout } = spawnSync('swift-ring-builder', [join(folder, `${part}.builder`), ...args], {
      encoding: 'utf8',
    });
    // 1 says that there was something to warn about: so few replicas.
    if (status !== 0 && status !== 1) throw new Error(`swift-ring-builder ${args.join(' ')}: ${stdout}`);
  }
}

function common(folder: string, port: number): string {
  return [
    '[DEFAULT]',
    ...[`bind_ip = 127.0.0.1`, `bind_port = ${port}`, `user = ${userInfo().username}`, 'workers = 0'],
    ...[`swift_dir = ${folder}`, `devices = ${join(folder, 'devices')}`, 'mount_check = false'],
    ...['disable_fallocate = true', 'fallocate_reserve = 0', `recon_cache_path = ${folder}`],
    'log_level = ERROR',
  ].join('\n');
}

/** In this order s3api finds the rest of what it is made of: large objects, copies, versions. */
const pipeline = [
  ['catch_errors'],
  ['gatekeeper'],
  ['listing_formats'],
  ['bulk'],
  ['s3api', 'location = eu-west-1'],
  ['tempauth', 'user_lowtide_test = testing .admin'],
  ['copy'],
  ['slo'],
  ['dlo'],
  ['versioned_writes', 'allow_object_versioning = true'],
  ['symlink'],
] as const;

function proxyConfig(folder: string, port: number, memcachedPort: number): string {
  return [
    common(folder, port),
    `[pipeline:main]\npipeline = memcache ${pipeline.map(([name]) => name).join(' ')} proxy-server`,
    ...pipeline.map(([name, ...more]) => [`[filter:${name}]`, `use = egg:swift#${name}`, ...more].join('\n')),
    `[filter:memcache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:${memcachedPort}`,
    app('proxy', 'account_autocreate = true'),
  ].join('\n');
}

/** Under the name by which the program looks for itself. */
function app(part: string, ...more: readonly string[]): string {
  return [`[app:${part}-server]`, `use = egg:swift#${part}`, ...more].join('\n');
}

/** None of them says when it is ready. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; !(await listens(port)); tries += 1) {
    if (tries > 300) throw new Error(`nothing listens on port ${port}`);
    await delay(100);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => resolve(false));
  });
}
