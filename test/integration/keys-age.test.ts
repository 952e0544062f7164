import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRecoveryFile, writeRecoveryFile } from '../../exporter/src/keys/export.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import { parseIdentity } from '../../exporter/src/keys/identity-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-age-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const now = Date.UTC(2026, 10, 24);

function run(command: string, args: readonly string[], input?: Uint8Array | string): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input });
  if (error !== undefined) throw error;
  expect([status, stderr.toString()]).toEqual([0, expect.anything()]);
  return stdout;
}

describe('stock age', () => {
  it('restores with a recovery file what was sealed to the active key, by the command the file gives', async () => {
    const keystore = fileKeystore({ folder: join(folder, 'keys'), passphrase: 'p', scryptLogN: 6 });
    const key = await keystore.create({ kind: 'x25519', now });
    const recovery = join(folder, 'recovery.txt');
    await writeRecoveryFile(recovery, formatRecoveryFile(key, await keystore.identity(key.id)));
    const content = Buffer.from('what the tide left '.repeat(10_000));
    const backup = join(folder, 'backup.age');
    writeFileSync(backup, run('age', ['-r', key.recipient], run('zstd', ['-c'], content)));
    expect(run('zstd', ['-d', '-c'], run('age', ['-d', '-i', recovery, backup])).equals(content)).toBe(true);
    expect(run('age-keygen', ['-y', recovery]).toString().trim()).toBe(key.recipient);
  });

  it('makes keys that the keystore takes over', async () => {
    const keystore = fileKeystore({ folder: join(folder, 'keys'), passphrase: 'p', scryptLogN: 6 });
    const text = run('age-keygen', []).toString();
    const key = await keystore.import(parseIdentity(text, 'age-keygen'), {
      origin: 'imported',
      purpose: 'backup',
      now,
    });
    expect(text).toContain(`# public key: ${key.recipient}\n`);
    expect(await keystore.active()).toEqual(key);
  });
});
