import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import { TestInstallation } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';

const main = program('exporter/src/cli/main.ts');
const schedules = `  - { id: data, source: { type: command, argv: [echo, hello] }, every: 1d, stores: [local], keep: { last: 9 } }
  - { id: large, source: { type: command, argv: [head, -c, '32M', /dev/urandom] }, every: 1d, stores: [local], keep: { last: 9 } }`;

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedules);
});
afterEach(() => installation[Symbol.asyncDispose]());

function lowtide(...args: string[]): {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
} {
  const all = [main, '--config', installation.configFile, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  return { code: status, out: stdout, said: stderr };
}

/** By the stock age: whether the newest copy of the config in the store is sealed to this identity. */
function configCopyOpensWith(identity: string): boolean {
  const copies = join(installation.folder, 'backups', '_config');
  const newest = readdirSync(copies).sort().at(-1) ?? '';
  const { status } = spawnSync('age', ['-d', '-i', '-', join(copies, newest)], { input: `${identity}\n` });
  return status === 0;
}

it('lowtide rotate tells its plan, rotates, and lets the old key be retired, which it was not before', async () => {
  const { catalog, keystore } = installation.opened;
  const backup = await installation.completed('data');
  const oldKey = (await keystore.active()).id;

  const dry = lowtide('rotate', '--dry-run', '--json', '--days-back', '90');
  expect(dry.code).toBe(0);
  expect(JSON.parse(dry.out)).toMatchObject({
    dryRun: true,
    mode: 'rewrap',
    daysBack: 90,
    backups: 1,
    retirableKeys: [oldKey],
    stillReadable: { rewrap: expect.any(String) as string },
  });
  expect(await catalog.rotations.list({ limit: 1 })).toEqual([]);
  expect(lowtide('rotate', '--resume')).toMatchObject({ code: 2 });

  const rotated = lowtide('rotate', '--mode', 'reencrypt', '--json');
  expect(rotated.code).toBe(0);
  expect(rotated.said).toContain('Still readable with the old key: Nothing that lies in the stores now');
  expect(rotated.said).toContain('The recovery file of an older key opens none of these.');
  expect(lowtide('backups', '--schedule', 'nope').out).toContain('There are no such backups');
  const { keyId, ...rotation } = JSON.parse(rotated.out) as Record<string, unknown>;
  expect(rotation).toMatchObject({
    status: 'completed',
    mode: 'reencrypt',
    backupsRewrapped: 0,
    backupsReencrypted: 1,
    backupsSkipped: 0,
    backupsFailed: 0,
  });
  expect((await catalog.backup(backup.id))?.keyId).toBe(keyId);

  expect(configCopyOpensWith(await keystore.identity(String(keyId)))).toBe(true);

  expect(lowtide('keys', 'retire', String(keyId)).said).toContain('1 backup needs');
  expect(lowtide('keys', 'retire', oldKey).code).toBe(0);
  expect(lowtide('keys', 'destroy', oldKey).code).toBe(2);
  expect(lowtide('keys', 'destroy', oldKey, '--confirm', oldKey).code).toBe(0);
  expect(lowtide('backups', 'verify', backup.id).code).toBe(0);
  const states = (await keystore.list()).map(({ id, state }) => [id, state]);
  expect(states).toEqual([
    [oldKey, 'destroyed'],
    [keyId, 'active'],
  ]);
});

it('lowtide rotate is in the audit log from its beginning, also where it is killed, and as failed where it is stopped', async () => {
  const { catalog } = installation.opened;
  await installation.completed('large');
  const audited = async (): Promise<readonly (readonly unknown[])[]> =>
    (await catalog.access.auditAfter(0, 20)).map(({ body: { action, result, code, detail } }) => [
      action,
      result,
      code,
      detail,
    ]);
  /** At a MiB a second it is still at it whenever it is stopped. */
  const endBy = async (signal: 'SIGKILL' | 'SIGINT', ...args: string[]): Promise<void> => {
    const all = [main, '--config', installation.configFile, 'rotate', ...args];
    const child = spawn(process.execPath, all, { stdio: 'ignore' });
    await eventually(async () => {
      const [rotation] = await catalog.rotations.list({ status: 'running', limit: 1 });
      expect(rotation?.pending.backups).toBe(1);
    });
    child.kill(signal);
    await once(child, 'exit');
  };

  await endBy('SIGKILL', '--mode', 'reencrypt', '--limit-rate', '1');
  const killed = [['rotation.start', 'started', undefined, 'reencrypt']];
  expect(await audited()).toEqual(killed);

  await installation.opened.rotator.recover(new AbortController().signal);
  await endBy('SIGINT', '--resume');
  expect(await audited()).toEqual([
    ...killed,
    ['rotation.resume', 'started', undefined, 'reencrypt'],
    ['rotation.resume', 'failed', 'cancelled', 'reencrypt cancelled'],
  ]);
});
