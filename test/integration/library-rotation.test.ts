import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BackupEncryption, BackupKeyRotator, BackupManager } from '../../exporter/src/index.ts';
import { generateIdentity } from '../../exporter/src/seal/identity.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-library-rotation-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('rotates as the original did: backups of the old key go over to a new one, and results are told', async () => {
  const oldKey = await BackupEncryption.loadKeyFromEnv({ BACKUP_ENCRYPTION_KEY: 'ab'.repeat(32) });
  const options = {
    backupDir: join(folder, 'backups'),
    keyStorageDir: join(folder, 'keys'),
    passphrase: 'low tide',
  };
  writeFileSync(join(folder, 'file'), 'some content');
  let backupId: string | undefined;
  {
    await using manager = new BackupManager({ ...options, key: oldKey });
    ({ backupId } = await manager.backupFiles({ name: 'files', path: join(folder, 'file') }));
  }
  // The state is lost: the rotator finds the backups in their folder.
  rmSync(join(folder, 'state'), { recursive: true });
  {
    await using rotator = new BackupKeyRotator(options);
    const result = await rotator.rotateKeys({ oldKey, reencryptBackups: true, daysBack: 90 });
    expect(result).toEqual({
      backupsReencrypted: 1,
      backupsRewrapped: 0,
      backupsSkipped: 0,
      backupsFailed: 0,
      newKeyId: expect.stringMatching(/^key-/) as string,
    });
    const keys = await rotator.listKeys();
    expect(keys.map(({ keyId, metadata }) => [keyId, metadata.state, metadata.backups])).toEqual([
      [oldKey.id, 'retiring', 0],
      [result.newKeyId, 'active', 1],
    ]);
    expect(JSON.stringify(keys)).not.toContain('SECRET');

    const newKey = await BackupEncryption.loadKeyFromEnv({
      BACKUP_ENCRYPTION_KEY: await generateIdentity('x25519'),
    });
    expect(await rotator.rotateKeys({ oldKey, newKey, reencryptBackups: false })).toMatchObject({
      backupsRewrapped: 0,
      newKeyId: newKey.id,
    });
    expect(await rotator.resume()).toMatchObject({ error: expect.stringContaining('complete') as string });
  }
  await using manager = new BackupManager(options);
  expect(await manager.verify(backupId ?? '')).toBe(true);
  await using locked = new BackupKeyRotator({ ...options, passphrase: 'another' });
  const refused = await locked.rotateKeys({ oldKey, reencryptBackups: false });
  expect(refused.error).toContain('passphrase');
  expect((await locked.listKeys()).map(({ metadata }) => metadata.state)).toEqual([
    'retiring',
    'retiring',
    'active',
  ]);
});
