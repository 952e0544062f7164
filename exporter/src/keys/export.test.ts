import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRecoveryFile, writeRecoveryFile } from './export.ts';
import { parseIdentity } from './identity-file.ts';
import { keyIdOf } from './key.ts';
import type { Key } from './keystore.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-export-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function keyOf(identity: string): Promise<Key> {
  const recipient = await identityToRecipient(identity);
  return {
    id: keyIdOf(recipient),
    recipient,
    state: 'active',
    createdAt: Date.UTC(2026, 10, 24),
    origin: 'generated',
    purpose: 'backup',
  };
}

describe('a recovery file', () => {
  it.each([
    ['X25519', generateX25519Identity],
    ['post-quantum', generateHybridIdentity],
  ])('holds the %s identity, and how to restore in comments', async (_, generate) => {
    const identity = await generate();
    const key = await keyOf(identity);
    const text = formatRecoveryFile(key, identity);
    expect(parseIdentity(text, 'file')).toBe(identity);
    const lines = text.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('#'))).toEqual([identity]);
    expect(lines).toContain('#     age -d -i KEY BACKUP.age | zstd -d > CONTENT');
    expect(lines).toContain(`# public key: ${key.recipient}`);
    expect(text).toContain(key.id);
    // As wide as a page: only what age reads by itself may be longer.
    const wide = lines.filter((line) => line.length > 78 && line.startsWith('#'));
    expect(wide).toEqual(lines.filter((line) => line.startsWith('# public key: ') && line.length > 78));
    expect(text.includes('1.3 or newer')).toBe(identity.startsWith('AGE-SECRET-KEY-PQ-'));
  });

  it('is written for its owner alone', async () => {
    const path = join(folder, 'recovery.txt');
    await writeRecoveryFile(path, 'secret\n');
    expect(readFileSync(path, 'utf8')).toBe('secret\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('never takes the place of anything, not even through a link', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'mine');
    symlinkSync(file, join(folder, 'link'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    for (const path of [file, join(folder, 'link'), join(folder, 'dangling'), folder]) {
      await expect(writeRecoveryFile(path, 'secret')).rejects.toMatchObject({ code: 'output_exists' });
    }
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  it('says where it cannot be written, and leaves nothing there', async () => {
    const path = join(folder, 'absent', 'recovery.txt');
    await expect(writeRecoveryFile(path, 'secret')).rejects.toMatchObject({
      code: 'output_failed',
      message: expect.stringContaining(path) as string,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
