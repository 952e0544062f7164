import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../exporter/src/config/read.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';
import { admin, TestService, tokens } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');
const yearly = 'cron: "0 0 1 1 *", stores: [local], keep: { last: 3 }';
const slow = `  - { id: slow, source: { type: command, argv: [bash, -c, 'echo begun; read -r line < FOLDER/pipe'] }, ${yearly} }`;
const docs = `  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${yearly} }`;

let service: TestService | undefined;
afterEach(async () => {
  await service?.[Symbol.asyncDispose]();
  service = undefined;
});

async function start(): Promise<TestService> {
  service = await TestService.start(
    `${docs}\n  - { id: old, source: { type: command, argv: [echo, x] }, ${yearly} }`,
  );
  mkdirSync(join(service.installation.folder, 'docs'));
  return service;
}

/** Writes the config of the installation anew, and reloads it. */
async function change(at: TestService, schedules: string, more = tokens, stores?: string): Promise<boolean> {
  writeConfig(at.installation.folder, schedules, { more, ...(stores !== undefined && { stores }) });
  return await at.reload();
}

async function metric(at: TestService, name: string): Promise<number> {
  const page = await (await fetch(at.url('/metrics'))).text();
  return Number(new RegExp(`^${name.replace(/[{}]/g, String.raw`\$&`)} (.+)$`, 'm').exec(page)?.[1]);
}

const ids = async (at: TestService): Promise<unknown[]> =>
  ((await at.call('/schedules')).body['items'] as { id: string }[]).map(({ id }) => id);

describe('a reload', () => {
  it('takes up schedules, stores, tokens and targets', async () => {
    const at = await start();
    const stores =
      '{ local: { type: directory, path: ./backups }, second: { type: directory, path: ./second } }';
    const changed = `${docs.replace('[local]', '[local, second]')}\n  - { id: new, source: { type: command, argv: [echo, x] }, ${yearly} }`;
    const added = tokens.replace('name: viewer', 'name: other').replace('viewer-token', 'other-token');
    expect(
      await change(at, changed, `${added}\nrestore_targets: { back: { to: FOLDER/back } }`, stores),
    ).toBe(true);
    expect(await ids(at)).toEqual(['docs', 'new']);
    expect((await at.call('/status', { token: 'viewer-token-of-the-tests' })).status).toBe(401);
    expect((await at.call('/status', { token: 'other-token-of-the-tests' })).body).toMatchObject({
      restoreTargets: ['back'],
    });
    const run = await at.post('/schedules/docs/run?wait=true');
    expect(run.body).toMatchObject({ status: 'completed' });
    const backup = await at.call(`/backups/${String(run.body['backupId'])}`);
    expect(backup.body['copies']).toMatchObject([{ store: 'local' }, { store: 'second' }]);
    expect(await metric(at, 'backup_running{schedule="new"}')).toBe(0);
  });

  it('of a config with a mistake changes nothing, and shows in the metrics', async () => {
    const at = await start();
    expect(await metric(at, 'lowtide_config_last_reload_successful')).toBe(1);
    const before = await metric(at, 'lowtide_config_last_reload_success_timestamp_seconds');
    expect(before).toBeGreaterThan(1.7e9);
    expect(await change(at, `${docs}\n  - { id: docs, source: { type: nonsense }, every: soon }`)).toBe(
      false,
    );
    expect(await ids(at)).toEqual(['docs', 'old']);
    expect(await metric(at, 'lowtide_config_last_reload_successful')).toBe(0);
    expect(await metric(at, 'lowtide_config_last_reload_success_timestamp_seconds')).toBe(before);
    expect(await change(at, docs)).toBe(true);
    expect(await metric(at, 'lowtide_config_last_reload_successful')).toBe(1);
    expect(await ids(at)).toEqual(['docs']);
  });

  it('of what a restart alone can change is refused whole', async () => {
    const at = await start();
    const file = at.installation.configFile;
    for (const [from, to, key] of [
      ['state: ./state', 'state: ./elsewhere', 'state, local'],
      ['instance: test', 'instance: other', 'instance'],
      ['server:', 'server:\n  listen: 127.0.0.1:1', 'server.listen'],
    ] as const) {
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace(from, to).replace('id: old', 'id: renamed'));
      expect(await at.reload()).toBe(false);
      expect(JSON.stringify(at.log.at(-1))).toContain(`${key} cannot be changed while lowtide runs`);
      writeFileSync(file, text);
    }
    expect(await ids(at)).toEqual(['docs', 'old']);
  });

  it('lets runs go on, also of a schedule that is gone, and finds nothing orphaned about them', async () => {
    service = await TestService.start(slow);
    const at = service;
    const { spawnSync } = await import('node:child_process');
    spawnSync('mkfifo', [join(at.installation.folder, 'pipe')]);
    const id = String((await at.post('/schedules/slow/run')).body['id']);
    expect(await change(at, docs)).toBe(true);
    mkdirSync(join(at.installation.folder, 'docs'));
    expect((await at.post('/schedules/docs/run?wait=true')).body).toMatchObject({ status: 'completed' });
    expect((await at.call(`/runs/${id}`)).body).toMatchObject({
      status: 'running',
      progress: expect.anything() as unknown,
    });
    writeFileSync(join(at.installation.folder, 'pipe'), 'go on\n');
    await eventually(async () =>
      expect((await at.call(`/runs/${id}`)).body).toMatchObject({ status: 'completed' }),
    );
  });
});

describe('lowtide serve', () => {
  it('listens where it is told, reloads at SIGHUP, and drains at SIGTERM', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lowtide-serve-'));
    try {
      const file = writeConfig(folder, docs, { more: tokens });
      mkdirSync(join(folder, 'docs'));
      await makeKey((await readConfig(file, {})).config);
      writeFileSync(join(folder, 'web.yml'), 'http_server_config: { headers: { X-Frame-Options: DENY } }\n');
      const options = ['--log.format', 'logfmt', '--web.config.file', 'web.yml'];
      const addresses = ['--web.listen-address', '127.0.0.1:0', '--web.listen-address', '[::1]:0'];
      const child = spawn(process.execPath, [main, 'serve', ...options, ...addresses], { cwd: folder });
      let log = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
      const ended = once(child, 'exit');
      await eventually(() => expect(log).toContain('msg="lowtide is up"'));
      const address = /address="?([^\s,"]+)/.exec(log)?.[1] ?? '';
      const page = await fetch(`http://${address}/-/healthy`);
      expect(page.headers.get('x-frame-options')).toBe('DENY');

      writeConfig(folder, docs.replace('id: docs', 'id: renamed'), { more: tokens });
      child.kill('SIGHUP');
      await eventually(() => expect(log).toContain('msg="the config was read again"'));
      const listed = await fetch(`http://${address}/api/v1/schedules`, {
        headers: { authorization: `Bearer ${admin}` },
      });
      expect(await listed.json()).toMatchObject({ items: [{ id: 'renamed' }] });

      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      expect(log).toContain('msg="lowtide has stopped"');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
