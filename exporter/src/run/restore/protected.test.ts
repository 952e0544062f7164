import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refuseProtected } from './protected.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-protected-'));
  mkdirSync(join(folder, 'data', 'backups'), { recursive: true });
  mkdirSync(join(folder, 'data', 'state'));
  symlinkSync(join(folder, 'data'), join(folder, 'link'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a restore', () => {
  const refusal = (target: string): string => {
    const places = [
      { path: join(folder, 'data', 'backups'), what: 'store local' },
      { path: join(folder, 'data', 'state'), what: 'the catalog' },
      { path: join(folder, 'lowtide.yaml'), what: 'the config' },
    ];
    try {
      refuseProtected(join(folder, target), places);
      return '';
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : '';
    }
  };

  it.each([
    ['.', 'holds store local'],
    ['data', 'holds store local'],
    ['link', 'holds store local'],
    ['data/backups', 'holds store local'],
    ['data/backups/new', 'lies in store local'],
    ['link/state/catalog.db', 'lies in the catalog'],
    ['lowtide.yaml', 'holds the config'],
  ])('to %s is refused, for it %s', (target, why) => {
    expect(refusal(target)).toContain(why);
  });

  it.each(['restored', 'data/restored', 'data/backups-old', 'new/deep/er'])('to %s is not', (target) => {
    expect(refusal(target)).toBe('');
  });

  it('to a database is none of its business', () => {
    expect(() =>
      refuseProtected('postgres://db1/app', [{ path: process.cwd(), what: 'a store' }]),
    ).not.toThrow();
  });
});
