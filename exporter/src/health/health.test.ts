import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { fullestDisk, usedRatio } from './disk.ts';
import { watchHealth, type HealthSources } from './health.ts';

const well = (more: Partial<HealthSources> = {}): HealthSources => ({
  disk: () => Promise.resolve({ path: '/srv', freeBytes: 5, totalBytes: 10 }),
  largestBackupBytes: () => 1,
  encryptionFindings: () => Promise.resolve({ keystore: [], age: [] }),
  catalogFindings: () => [],
  waitingCopies: () => ({}),
  stores: () => [],
  sources: () => [],
  schedules: () => [],
  proofs: () => [],
  drills: () => ({}),
  clock: () => ({}),
  now: () => 0,
  ...more,
});

describe('watchHealth', () => {
  it('makes every check', async () => {
    const checks = await watchHealth(well())();
    expect(checks.map(({ type, ok }) => [type, ok])).toEqual([
      ['catalog', true],
      ['copies', true],
      ['disk_space', true],
      ['encryption', true],
      ['restore_proof', true],
      ['scheduler', true],
      ['sources', true],
      ['stores', true],
    ]);
  });

  it('reports a check that cannot be made as not ok, with its reason and remedy, beside the others', async () => {
    const checks = await watchHealth(
      well({
        catalogFindings: () => {
          throw new LowtideError('state_denied', 'catalog.db cannot be read', { hint: 'chown it.' });
        },
        disk: () => Promise.reject(new Error('EIO')),
      }),
    )();
    expect(checks.filter((check) => !check.ok)).toEqual([
      { type: 'catalog', ok: false, message: 'catalog.db cannot be read', hint: 'chown it.' },
      { type: 'disk_space', ok: false, message: 'EIO', hint: expect.stringContaining('log') as string },
    ]);
  });

  it('does not wait for a check that hangs', async () => {
    const checks = await watchHealth(
      well({ encryptionFindings: () => Promise.withResolvers<never>().promise }),
      {
        deadlineMs: 5,
      },
    )();
    expect(checks.filter((check) => !check.ok)).toMatchObject([
      { type: 'encryption', message: 'the check of encryption has not answered within 5ms' },
    ]);
  });

  it('gives its last answer again until that has come of age', async () => {
    let now = 0;
    let asked = 0;
    const health = watchHealth(
      well({
        now: () => now,
        catalogFindings: () => {
          asked += 1;
          return [];
        },
      }),
      { maxAgeMs: 100 },
    );
    for (now of [0, 99, 100, 150]) await health();
    expect(asked).toBe(2);
  });
});

describe('fullestDisk', () => {
  it('tells the space where a folder lies, or would be made', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lowtide-disk-'));
    try {
      const space = await fullestDisk([join(folder, 'not', 'there', 'yet')]);
      expect(space.totalBytes).toBe((await fullestDisk([folder])).totalBytes);
      await writeFile(join(folder, 'file'), 'no folder, and nothing can be made below it');
      expect((await fullestDisk([join(folder, 'file', 'below')])).totalBytes).toBe(space.totalBytes);
      expect(space.totalBytes).toBeGreaterThan(0);
      expect(usedRatio(space)).toBeGreaterThanOrEqual(0);
      expect(usedRatio(space)).toBeLessThanOrEqual(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('takes the fullest of several', async () => {
    const root = await fullestDisk(['/']);
    // /proc has no size at all, and so is never the fullest.
    expect((await fullestDisk(['/proc', '/'])).totalBytes).toBe(root.totalBytes);
  });
});
