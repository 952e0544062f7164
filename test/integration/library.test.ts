import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackupEncryption, BackupManager, BackupMetrics } from '../../exporter/src/index.ts';

let folder: string;
let metrics: BackupMetrics;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-library-'));
  metrics = new BackupMetrics();
});
afterEach(() => rmSync(folder, { recursive: true }));

function manager(more: Partial<ConstructorParameters<typeof BackupManager>[0]> = {}): BackupManager {
  return new BackupManager({
    backupDir: join(folder, 'backups'),
    keyStorageDir: join(folder, 'keys'),
    passphrase: 'a-passphrase',
    metrics,
    ...more,
  });
}

function makeDatabase(): string {
  const path = join(folder, 'shop.db');
  using database = new DatabaseSync(path);
  database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1)');
  return path;
}

describe('BackupManager', () => {
  it('backs up, verifies and restores a database and a folder, and counts all of it by itself', async () => {
    const database = makeDatabase();
    mkdirSync(join(folder, 'docs'));
    writeFileSync(join(folder, 'docs', 'a.txt'), 'hello');
    await using backups = manager();
    const shop = await backups.backupDatabase({ name: 'shop', database });
    const docs = await backups.backupFiles({ name: 'docs', path: join(folder, 'docs') });
    expect(shop).toMatchObject({ status: 'completed', verified: true });
    expect(docs).toMatchObject({ status: 'completed', verified: true });
    expect(await backups.verify(docs.backupId ?? '')).toBe(true);
    await backups.restore(docs.backupId ?? '', { to: join(folder, 'back') });
    expect(readFileSync(join(folder, 'back', 'a.txt'), 'utf8')).toBe('hello');
    await expect(backups.restore(docs.backupId ?? '', { to: join(folder, 'back') })).rejects.toMatchObject({
      code: 'restore_target_exists',
    });
    expect(await backups.getMetrics()).toMatchObject({ successRate: { database: 1, files: 1 } });
    const page = await metrics.getMetrics();
    for (const line of [
      'backup_total{type="database",status="completed"} 1',
      'backup_total{type="files",status="completed"} 1',
      'backup_verification_total{status="passed"} 3',
      'backup_restore_total{status="completed"} 1',
      'backup_success_rate{type="files"} 1',
      'backup_upload_time_seconds_count{cloud_provider="local"} 2',
      'backup_encryption_time_seconds_count 2',
    ]) {
      expect(page).toContain(`${line}\n`);
    }
  });

  it('answers with the reason when a backup fails, and counts that too', async () => {
    await using backups = manager();
    const outcome = await backups.backupDatabase({ name: 'gone', database: join(folder, 'gone.db') });
    expect(outcome).toMatchObject({
      status: 'failed',
      verified: false,
      error: { code: 'source_unreachable' },
    });
    const page = await metrics.getMetrics();
    expect(page).toContain('backup_total{type="database",status="failed"} 1\n');
    expect(page).toContain('backup_errors_total{error_type="source"} 1\n');
  });

  it('seals to the key of the environment, which stock age opens', async () => {
    const identity =
      /^AGE-SECRET-KEY-\S+$/m.exec(spawnSync('age-keygen', { encoding: 'utf8' }).stdout)?.[0] ?? '';
    const key = await BackupEncryption.loadKeyFromEnv({ BACKUP_ENCRYPTION_KEY: identity });
    expect(JSON.stringify(key)).not.toContain(identity);
    await using backups = manager({ key });
    await backups.backupDatabase({ name: 'shop', database: makeDatabase() });
    writeFileSync(join(folder, 'identity'), identity);
    const script = 'age -d -i "$1/identity" "$1"/backups/shop/*.age | zstd -dq | head -c 15';
    const end = spawnSync('bash', ['-c', script, '-', folder], { encoding: 'utf8' });
    expect(end.stdout).toBe('SQLite format 3');
  });

  it('counts only what happens from now on when it is opened again', async () => {
    const database = makeDatabase();
    {
      await using backups = manager();
      await backups.backupDatabase({ name: 'shop', database });
    }
    metrics = new BackupMetrics();
    await using again = manager();
    await again.backupDatabase({ name: 'shop', database });
    expect(await metrics.getMetrics()).toContain('backup_total{type="database",status="completed"} 1\n');
  });
});

describe('BackupEncryption.loadKeyFromEnv', () => {
  it('says what to set where nothing is', async () => {
    await expect(BackupEncryption.loadKeyFromEnv({})).rejects.toMatchObject({
      code: 'key_missing',
      hint: expect.stringContaining('age-keygen') as string,
    });
  });
});
