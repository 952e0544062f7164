import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';
import { program } from '../servers/programs.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { tokens } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');
const database = 'members';

let server: PostgresServer;
let root: string;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-members-'));
  server.newDatabase(database);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** The folder of a host whose one backup waits until the file `go` is there. */
async function hostFolder(name: string, instance: string): Promise<string> {
  const folder = join(root, name);
  const waits = `['sh', '-c', 'until [ -e go ]; do sleep 0.05; done; echo ${name}']`;
  const slow = `{ id: slow, source: { type: command, argv: ${waits} }, every: 1d, stores: [local] }`;
  const configFile = writeConfig(folder, `  - ${slow}`, {
    instance,
    state: server.url(database),
    more: tokens,
  });
  const { config } = await readConfig(configFile, {});
  await makeKey(config);
  return folder;
}

/** As if a minute had gone by without a word. */
function silence(instance: string): void {
  server.query(`UPDATE lowtide.leases SET expires_at = now() WHERE name = 'host/${instance}'`, database);
}

const runs = (instance: string): string =>
  server.query(`SELECT status FROM ${schemaOf(instance)}.runs ORDER BY number`, database);

describe('of two exporters with one name', () => {
  it('the second refuses to start, and the first goes on', async () => {
    const first = await hostFolder('first', 'twin');
    const second = await hostFolder('second', 'twin');
    await using one = await ServeProcess.start(first);
    await using other = ServeProcess.begin(second);
    expect(await other.ended()).toBe(1);
    expect(other.log).toContain(
      `another exporter works under the name twin (on the machine ${hostname()}, its address: 127.0.0.1:`,
    );
    expect((await one.call('/status')).status).toBe(200);
    // Nor is a command at home there taken for one of the first: it has other keys, and other folders.
    const command = (folder: string): SpawnSyncReturns<string> =>
      spawnSync(process.execPath, [main, 'token', 'list'], { cwd: folder, encoding: 'utf8' });
    expect(command(second)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('works under the name twin') as string,
    });
    expect(command(first)).toMatchObject({ status: 0 });
    // One that is killed and started again at its own home need not wait.
    await one.kill();
    await using again = await ServeProcess.start(first);
    expect((await again.call('/status')).status).toBe(200);
    // Elsewhere, once nothing was heard of it for a minute.
    await again.kill();
    silence('twin');
    await using heir = await ServeProcess.start(second);
    expect((await heir.call('/status')).status).toBe(200);
  });

  it('one that was paused until another took its place commits nothing any more, and stops', async () => {
    const first = await hostFolder('paused', 'fenced');
    const second = await hostFolder('successor', 'fenced');
    await using paused = await ServeProcess.start(first);
    await paused.post('/schedules/slow/run');
    await eventually(() => expect(runs('fenced')).toBe('running'));
    paused.signal('SIGSTOP');
    silence('fenced');
    await using heir = await ServeProcess.start(second);
    writeFileSync(join(first, 'go'), '');
    paused.signal('SIGCONT');
    expect(await paused.ended()).toBe(1);
    expect(paused.log).toContain('another exporter works under the name fenced now');
    expect(runs('fenced')).not.toContain('completed');
    // Nor is what waits on its disk delivered, should somebody start it again.
    await using restarted = ServeProcess.begin(first);
    expect(await restarted.ended()).toBe(1);
    expect(restarted.log).toContain('another exporter works under the name fenced');
    expect(readdirSync(join(first, 'backups')).filter((name) => name.endsWith('.json'))).toEqual([]);
    expect(runs('fenced')).toBe('interrupted');
    await heir.post('/schedules/slow/run');
    writeFileSync(join(second, 'go'), '');
    await heir.said('backup completed');
    expect(
      runs('fenced')
        .split('\n')
        .filter((status) => status === 'completed'),
    ).toHaveLength(1);
  });

  it('one that was silent, and that nobody has replaced, goes on', async () => {
    const folder = await hostFolder('late', 'late');
    await using late = await ServeProcess.start(folder);
    await late.post('/schedules/slow/run');
    await eventually(() => expect(runs('late')).toBe('running'));
    silence('late');
    writeFileSync(join(folder, 'go'), '');
    await late.said('backup completed');
    expect(runs('late')).toBe('completed');
  });
});
