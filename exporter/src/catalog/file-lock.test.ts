import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLock } from './file-lock.ts';

describe('a file lock', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-lock-'));
    path = join(folder, 'a.lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is held by one at a time, within one process as well', () => {
    const first = FileLock.take(path, 0);
    expect(first).toBeDefined();
    expect(FileLock.take(path, 0)).toBeUndefined();
    expect(FileLock.isHeld(path)).toBe(true);
    first?.[Symbol.dispose]();
    expect(FileLock.isHeld(path)).toBe(false);
    using second = FileLock.take(path, 0);
    expect(second).toBeDefined();
  });

  it('survives being asked about and being refused to others', () => {
    using lock = FileLock.take(path, 0);
    for (let round = 0; round < 3; round += 1) {
      expect(FileLock.isHeld(path)).toBe(true);
      expect(FileLock.take(path, 0)).toBeUndefined();
    }
    expect(lock).toBeDefined();
  });

  it('makes a file that only its owner can read, and none by asking', () => {
    expect(FileLock.isHeld(path)).toBe(false);
    expect(existsSync(path)).toBe(false);
    using lock = FileLock.take(path, 0);
    expect(lock?.path).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('throws where the folder is missing, rather than claiming that somebody holds it', () => {
    expect(() => FileLock.take(join(folder, 'none', 'a.lock'), 0)).toThrow('ENOENT');
  });

  it('can be released twice', () => {
    const lock = FileLock.take(path, 0);
    lock?.[Symbol.dispose]();
    lock?.[Symbol.dispose]();
    expect(FileLock.isHeld(path)).toBe(false);
  });
});
