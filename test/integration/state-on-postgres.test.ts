import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeConfig } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { program } from '../servers/programs.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');

let server: PostgresServer;
let root: string;
beforeAll(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-state-'));
});
afterAll(async () => {
  rmSync(root, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

let hosts = 0;

/** A host with a folder to back up, whose state is the PostgreSQL that all share. */
class Host {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(name: string) {
    const instance = `${name}-${(hosts += 1)}`;
    this.folder = join(root, instance);
    this.env = { ...process.env, STATE_URL: server.url() };
    const docs = '{ id: docs, source: { type: directory, path: FOLDER/docs }, every: 1d, stores: [local] }';
    writeConfig(this.folder, `  - ${docs}`, { instance, state: '${env:STATE_URL}', more: tokens });
    mkdirSync(join(this.folder, 'docs'));
    writeFileSync(join(this.folder, 'docs', 'a.txt'), instance);
  }

  lowtide(...args: string[]): {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  } {
    const end = spawnSync(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: this.env,
      encoding: 'utf8',
    });
    return { code: end.status, stdout: end.stdout, stderr: end.stderr };
  }

  backups(): readonly { readonly id: string; readonly status: string }[] {
    return JSON.parse(this.lowtide('backups', '--json').stdout) as { id: string; status: string }[];
  }
}

describe('with a PostgreSQL as its state', () => {
  it('a host works from the command line, and another beside it has a state of its own', () => {
    const one = new Host('one');
    const other = new Host('other');
    expect(one.lowtide('keys', 'new')).toMatchObject({ code: 0 });
    expect(one.lowtide('backup', 'docs')).toMatchObject({ code: 0 });
    const [backup] = one.backups();
    expect(backup).toMatchObject({ status: 'completed' });
    expect(other.backups()).toEqual([]);

    expect(one.lowtide('restore', backup?.id ?? '', '--to', join(one.folder, 'back'))).toMatchObject({
      code: 0,
    });
    expect(existsSync(join(one.folder, 'back'))).toBe(true);
    expect(existsSync(join(one.folder, 'state'))).toBe(false);
    expect(readdirSync(join(one.folder, 'data'))).toEqual(['local']);
  });

  it('the service makes what is due, and goes on after a kill where it was', async () => {
    const host = new Host('served');
    expect(host.lowtide('keys', 'new')).toMatchObject({ code: 0 });
    {
      await using service = await ServeProcess.startIn(host.folder, host.env);
      const made = await service.call('/schedules/docs/run', { method: 'POST' });
      expect(made.status).toBe(202);
      await vi.waitUntil(() => service.log.includes('backup completed'), { timeout: 30_000 });
      await service.kill();
    }
    await using service = await ServeProcess.startIn(host.folder, host.env);
    const { body } = await service.call('/backups');
    expect(body['items']).toHaveLength(1);
  });

  it('says that nobody answers, and never with which password it asked', () => {
    const host = new Host('alone');
    host.env['STATE_URL'] = 'postgres://lowtide:hunter2@127.0.0.1:1/lowtide';
    const end = host.lowtide('backups');
    expect(end.code).toBe(1);
    expect(end.stderr).toContain('127.0.0.1:1');
    expect(end.stdout + end.stderr).not.toContain('hunter2');
  });
});
