import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newManifest } from '../conformance/catalog-samples.ts';
import { TestService, tokens } from '../servers/service.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { canMount, Disk } from './disks.ts';

const yearly = 'cron: "0 0 1 1 *", stores: [local], keep: { last: 3 }';
const schedules = `  - { id: docs, source: { type: directory, path: FOLDER/docs }, ${yearly} }`;
const dayMs = 86_400_000;

let service: TestService;
const disks: Disk[] = [];
afterEach(async () => {
  await service[Symbol.asyncDispose]();
  for (const disk of disks.splice(0)) disk[Symbol.dispose]();
});

async function start(stores?: string): Promise<string> {
  const parts = { more: tokens, ...(stores !== undefined && { stores }) };
  // Each look is a look: nothing is told again from the last one.
  service = await TestService.start(schedules, parts, { health: { maxAgeMs: 0 } });
  const { folder } = service.installation;
  mkdirSync(join(folder, 'docs'));
  writeFileSync(join(folder, 'docs', 'a.txt'), 'hello');
  return folder;
}

interface Check {
  readonly type: string;
  readonly ok: boolean;
  readonly message: string;
  readonly hint?: string;
}

async function check(type: string): Promise<Check> {
  const checks = (await service.call('/status')).body['checks'] as Check[];
  const found = checks.find((each) => each.type === type);
  if (found === undefined) throw new Error(`there is no check ${type}`);
  return found;
}

/** What everybody sees of it: the status, the readiness, and the metric agree. */
async function becomes(type: string, ok: boolean, message: RegExp): Promise<Check> {
  const found = await vi.waitUntil(
    async () => {
      const now = await check(type);
      return now.ok === ok && message.test(now.message) ? now : false;
    },
    { timeout: 10_000 },
  );
  expect(found.hint === undefined).toBe(ok);
  if (!ok) expect(found.hint).toMatch(/\.$/);
  const page = await (await fetch(service.url('/metrics'))).text();
  expect(page).toContain(`backup_health_status{check_type="${type}"} ${ok ? 1 : 0}\n`);
  const ready = await fetch(service.url('/-/ready'));
  const answer = (await ready.json()) as { checks: Check[] };
  expect(ready.status === 200).toBe(answer.checks.every((each) => each.ok));
  expect(answer.checks.find((each) => each.type === type)).toMatchObject({ ok });
  return found;
}

const small = (): Disk => {
  const disk = Disk.tmpfs('size=8m');
  disks.push(disk);
  return disk;
};

describe('a health check turns bad, and good again:', () => {
  it('catalog, by its protection', async () => {
    const file = join(await start(), 'state', 'catalog.db');
    await becomes('catalog', true, /can be written/);
    chmodSync(file, 0o644);
    await becomes('catalog', false, /can be read by other users: chmod 600/);
    chmodSync(file, 0o600);
    await becomes('catalog', true, /can be written/);
    renameSync(file, `${file}.away`);
    await becomes('catalog', false, /was removed or replaced while in use/);
    renameSync(`${file}.away`, file);
    await becomes('catalog', true, /can be written/);
  });

  it.skipIf(!canMount)('catalog and disk_space, by a disk that is full', async () => {
    const disk = small();
    service = await TestService.start(
      schedules,
      { more: tokens, state: join(disk.path, 'state') },
      { health: { maxAgeMs: 0 } },
    );
    await becomes('catalog', true, /can be written/);
    const ballast = join(disk.path, 'ballast');
    for (let size = 1024 * 1024; size >= 512; size /= 2) {
      try {
        for (;;) writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
      } catch {
        // It takes no more of this size.
      }
    }
    await becomes('disk_space', false, new RegExp(`^Only 0 B of 8 MiB are free at ${disk.path}`));
    const full = await becomes('catalog', false, /no room left on the disk/);
    expect(full.hint).toContain('room');
    rmSync(ballast);
    await becomes('disk_space', true, /are free/);
    await becomes('catalog', true, /can be written/);
  });

  it.skipIf(!canMount)('catalog, by a file that can no longer be written', async () => {
    const disk = Disk.ext4(16 * 1024 * 1024);
    disks.push(disk);
    const state = join(disk.path, 'state');
    service = await TestService.start(schedules, { more: tokens, state }, { health: { maxAgeMs: 0 } });
    await becomes('catalog', true, /can be written/);
    const log = join(state, 'catalog.db-wal');
    execFileSync('chattr', ['+i', log]);
    try {
      await becomes('catalog', false, /cannot read or write/);
    } finally {
      execFileSync('chattr', ['-i', log]);
    }
    await becomes('catalog', true, /can be written/);
  });

  it('encryption, by modes, by a key that is gone, by its passphrase and its age', async () => {
    const folder = await start();
    const keys = join(folder, 'keys');
    await becomes('encryption', true, /whole, private, and opens/);
    chmodSync(keys, 0o755);
    await becomes('encryption', false, /may be entered by others \(mode 0755\): chmod 700 it/);
    chmodSync(keys, 0o700);
    await becomes('encryption', true, /whole/);
    const active = await service.installation.opened.keystore.active();
    const secret = join(keys, `${active.id}.age`);
    chmodSync(secret, 0o640);
    await becomes('encryption', false, /may be read or changed by others \(mode 0640\): chmod 600 it/);
    chmodSync(secret, 0o600);
    renameSync(secret, join(folder, 'away'));
    await becomes('encryption', false, /is gone/);
    renameSync(join(folder, 'away'), secret);
    await becomes('encryption', true, /whole/);

    const config = service.installation.configFile;
    const text = readFileSync(config, 'utf8');
    const reloaded = async (changed: string): Promise<void> => {
      writeFileSync(config, changed);
      expect(await service.reload()).toBe(true);
    };
    await reloaded(text.replace('a-passphrase-for-tests', 'another-passphrase'));
    await becomes('encryption', false, /the passphrase does not open/);
    await reloaded(text.replace('recovery_recipients: []', 'max_key_age: 1s'));
    const old = await becomes('encryption', false, /older than max_key_age/);
    expect(old.hint).toContain('lowtide rotate');
    await reloaded(text);
    await becomes('encryption', true, /whole/);
  });

  it('stores, by one that cannot be used, and by one whose backups are gone', async () => {
    const folder = await start();
    await becomes('stores', true, /All stores answer/);
    await service.post('/schedules/docs/run?wait=true');
    const backups = join(folder, 'backups');
    renameSync(backups, `${backups}.away`);
    writeFileSync(backups, 'no folder');
    expect(await service.reload()).toBe(true);
    await becomes('stores', false, /^local cannot be used: /);
    rmSync(backups);
    mkdirSync(backups);
    expect(await service.reload()).toBe(true);
    await becomes('stores', false, /the newest backup on file there, .* is not there/);
    rmSync(backups, { recursive: true });
    renameSync(`${backups}.away`, backups);
    expect(await service.reload()).toBe(true);
    await becomes('stores', true, /All stores answer/);
  });

  it('sources, by one that cannot be dumped', async () => {
    const folder = await start();
    expect(await service.reload()).toBe(true);
    await becomes('sources', true, /Every source can be dumped/);
    renameSync(join(folder, 'docs'), join(folder, 'away'));
    expect(await service.reload()).toBe(true);
    await becomes('sources', false, /^docs: .*docs/);
    renameSync(join(folder, 'away'), join(folder, 'docs'));
    expect(await service.reload()).toBe(true);
    await becomes('sources', true, /Every source can be dumped/);
  });

  it('scheduler, by a clock behind what is on record', async () => {
    await start();
    await becomes('scheduler', true, /the clock goes steadily/);
    const { catalog } = service;
    await catalog.append({ name: 'error', errorType: 'internal' }, Date.now() + dayMs);
    const ahead = await becomes('scheduler', false, /was set back, or stood ahead/);
    expect(ahead.hint).toContain('NTP');
    await catalog.append({ name: 'error', errorType: 'internal' }, Date.now());
    await becomes('scheduler', true, /the clock goes steadily/);
  });

  it('restore_proof, by backups that nobody has ever opened, and by one that is damaged', async () => {
    const folder = await start();
    await becomes('restore_proof', true, /nothing to prove yet/);
    const run = await service.post('/schedules/docs/run?wait=true');
    const id = String(run.body['backupId']);
    await becomes('restore_proof', true, /opened and compared, within the last hour; none was restored/);

    const [copy] = (await service.call(`/backups/${id}`)).body['copies'] as { path: string }[];
    const path = copy?.path ?? '';
    expect(existsSync(path)).toBe(true);
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]));
    await service.post(`/backups/${id}/verify?wait=true`);
    await becomes('restore_proof', false, /no copy of its newest backup .* is sound/);
    writeFileSync(path, bytes);
    await service.post(`/backups/${id}/verify?wait=true`);
    await becomes('restore_proof', true, /opened and compared/);

    // A catalog that was lost and rebuilt knows of backups, and of no proof.
    const sealed = await service.catalog.backup(id);
    await service.end();
    rmSync(join(folder, 'state'), { recursive: true });
    await service.begin({ health: { maxAgeMs: 0 } });
    const old = newManifest('old', { schedule: 'docs', type: 'files', createdAt: Date.now() - 3 * dayMs });
    const { catalog } = service;
    await catalog.adoptBackup(old, { store: 'local', path: '/old', status: 'good' });
    if (sealed === undefined) throw new Error('there was a backup');
    await catalog.adoptBackup(storedManifest(sealed.manifest), { store: 'local', path, status: 'good' });
    const never = await becomes('restore_proof', false, /made since 3d, was ever opened or restored/);
    expect(never.hint).toContain(`lowtide backups verify ${id}`);
    await service.post(`/backups/${id}/verify?wait=true`);
    await becomes('restore_proof', true, /opened and compared/);
  });
});
