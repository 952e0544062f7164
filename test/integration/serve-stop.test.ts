import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../exporter/src/config/read.ts';
import { Authority } from '../servers/certificates.ts';
import { eventually } from '../servers/eventually.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { ServeProcess } from '../servers/serve-process.ts';
import { TestService, tokens } from '../servers/service.ts';

const yearly = 'cron: "0 0 1 1 *", stores: [local], keep: { last: 3 }';
/** Goes on until somebody writes a line into the pipe. */
const waiting = `  - { id: waiting, source: { type: command, argv: [bash, -c, 'echo begun; read -r line < FOLDER/pipe'] }, ${yearly} }`;

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-stop-'));
  spawnSync('mkfifo', [join(folder, 'pipe')]);
  const file = writeConfig(folder, waiting, { more: tokens });
  await makeKey((await readConfig(file, {})).config);
});
afterEach(() => {
  // A source whose service was killed still waits.
  spawnSync('bash', ['-c', `exec 3<> ${join(folder, 'pipe')}; echo go on >&3`]);
  rmSync(folder, { recursive: true, force: true });
});

const stored = (): string[] => readdirSync(join(folder, 'backups'), { recursive: true }).map(String);

describe('lowtide serve at SIGTERM', () => {
  it('lets a run end, begins nothing more, is not ready, and ends with 0', async () => {
    const process = await ServeProcess.start(folder);
    await using _process = process;
    const id = String((await process.post('/schedules/waiting/run')).body['id']);
    const waited = process.post('/schedules/waiting/run?wait=true', { headers: { 'idempotency-key': 'k' } });
    expect((await waited).body).toMatchObject({ status: 409, code: 'run_active' });
    process.signal('SIGTERM');
    await process.said('waiting for 1 running to end, at most 30s');
    const refused = await process.post('/schedules/waiting/run');
    expect(refused.body).toMatchObject({ status: 503, code: 'stopping' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const ready = await fetch(`http://${process.address}/-/ready`);
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ code: 'stopping' })]);
    expect((await fetch(`http://${process.address}/-/healthy`)).status).toBe(200);
    expect((await process.call(`/runs/${id}`)).body).toMatchObject({ status: 'running' });
    writeFileSync(join(folder, 'pipe'), 'go on\n');
    expect(await process.ended()).toBe(0);
    expect(process.log).toContain('backup completed');

    const next = await ServeProcess.start(folder);
    await using _next = next;
    expect((await next.call(`/runs/${id}`)).body).toMatchObject({ status: 'completed' });
  });

  it('ends at once at a second one; the next start puts in order what it left', async () => {
    const process = await ServeProcess.start(folder);
    await using _process = process;
    const id = String((await process.post('/schedules/waiting/run')).body['id']);
    await eventually(() => expect(stored().join()).toContain('.partial'));
    process.signal('SIGTERM');
    await process.said('waiting for 1 running');
    process.signal('SIGTERM');
    expect(await process.ended()).toBe('SIGTERM');

    const next = await ServeProcess.start(folder);
    await using _next = next;
    expect((await next.call(`/runs/${id}`)).body).toMatchObject({ status: 'interrupted' });
    expect(stored().filter((name) => name.includes('waiting-'))).toEqual([]);
  });

  it('interrupts what is not over after the grace, and leaves nothing of it', async () => {
    const service = await TestService.start(
      `  - { id: endless, source: { type: command, argv: [bash, -c, 'echo begun; exec sleep 600'] }, ${yearly} }`,
      { more: tokens },
      { graceMs: 100 },
    );
    await using _service = service;
    const id = String((await service.post('/schedules/endless/run')).body['id']);
    const waited = service.post('/schedules/endless/run?wait=true');
    expect((await waited).body).toMatchObject({ code: 'run_active' });
    await service.end();
    await service.begin();
    expect((await service.call(`/runs/${id}`)).body).toMatchObject({
      status: 'interrupted',
      error: { code: 'interrupted', message: 'the service was stopped' },
    });
  });
});

describe('lowtide serve at SIGHUP', () => {
  it('that comes before it is up goes on, and reads the config again once it is; it names where it listens', async () => {
    const process = ServeProcess.begin(folder, '--web.listen-address', '[::1]:0');
    await using _process = process;
    await process.said('holds a secret in clear');
    process.signal('SIGHUP');
    await process.said('the config was read again');
    await process.said('lowtide is up');
    expect(process.address).toMatch(/^127\.0\.0\.1:\d+, \[::1\]:\d+$/);
    process.signal('SIGTERM');
    expect(await process.ended()).toBe(0);
  });
});

describe('lowtide serve with a web config', () => {
  const webConfig = (certFile = 'server.crt'): string =>
    `tls_server_config: { cert_file: ${certFile}, key_file: server.key }\n`;

  async function get(
    address: string,
    ca: Buffer,
  ): Promise<{ readonly body: string; readonly print: string }> {
    const agent = new Agent({ maxCachedSessions: 0 });
    const sent = request(`https://${address}/metrics`, { ca, agent }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { socket } = response;
    if (!(socket instanceof TLSSocket)) throw new Error('this is no TLS');
    const print = socket.getPeerCertificate().fingerprint256;
    return { body: await text(response), print };
  }

  it('is refused a bad certificate at the start, and keeps the old one at a reload, for all to see', async () => {
    const authority = new Authority(folder);
    authority.issue('server');
    const ca = readFileSync(authority.certFile);
    writeFileSync(join(folder, 'bad.crt'), 'no certificate');
    writeFileSync(join(folder, 'web.yml'), webConfig('bad.crt'));
    const start = ServeProcess.start(folder, '--web.config.file', 'web.yml');
    await expect(start).rejects.toThrow(/web\.yml/);

    writeFileSync(join(folder, 'web.yml'), webConfig());
    const process = await ServeProcess.start(folder, '--web.config.file', 'web.yml');
    await using _process = process;
    expect(process.log).toContain('"scheme":"https"');
    const before = await get(process.address, ca);
    const name = 'lowtide_web_config_last_reload_successful';
    expect(before.body).toContain(`\n${name} 1\n`);
    const good = readFileSync(join(folder, 'server.crt'));
    writeFileSync(join(folder, 'server.crt'), 'no certificate');
    process.signal('SIGHUP');
    await process.said('the changed web config cannot be used');
    const kept = await get(process.address, ca);
    expect(kept.print).toBe(before.print);
    expect(kept.body).toContain(`\n${name} 0\n`);
    writeFileSync(join(folder, 'server.crt'), good);
    process.signal('SIGHUP');
    await process.said('the web config was read again');
    expect((await get(process.address, ca)).body).toContain(`\n${name} 1\n`);
  });
});
