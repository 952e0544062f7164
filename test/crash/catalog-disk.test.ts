import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { acquireServiceLock } from '../../exporter/src/catalog/ownership.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { newManifest, newRun, runEnd } from '../conformance/catalog-samples.ts';

describe.skipIf(process.getuid?.() !== 0)(
  'a catalog on a small disk of its own (needs root to mount one)',
  () => {
    let mount: string;
    let folder: string;
    beforeEach(() => {
      mount = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
      command('mount', '-t', 'tmpfs', '-o', 'size=5m', 'tmpfs', mount);
      folder = join(mount, 'state');
    });
    afterEach(() => {
      command('umount', mount);
      rmdirSync(mount);
    });

    /** Writes whole runs until the catalog refuses; the refusal, and the run it came at. */
    async function fill(catalog: Catalog, name: string): Promise<{ refusal: LowtideError; last: number }> {
      for (let index = 0; ; index += 1) {
        const run = newRun(`${name}-${index}`, { schedule: `${name}-${index}` });
        try {
          await catalog.startRun(run);
          await catalog.finishRun(run.id, runEnd(run, { manifest: newManifest(`b-${run.id}`) }));
        } catch (error) {
          if (error instanceof LowtideError) return { refusal: error, last: index };
          throw error;
        }
      }
    }

    it('says that the disk is full, keeps every whole run, still reads, and writes again once there is room', async () => {
      const ballast = join(mount, 'ballast');
      writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
      await using catalog = openSqliteCatalog(folder);
      const { refusal, last } = await fill(catalog, 'first');
      expect(refusal.code).toBe('state_full');
      expect(refusal.message).toBe(`no room left on the disk for ${join(folder, 'catalog.db')}`);
      expect(last).toBeGreaterThan(10);

      const whole = await catalog.runs({ status: 'completed', limit: 10_000 });
      expect(whole).toHaveLength(last);
      expect(await catalog.backups({ limit: 10_000 })).toHaveLength(last);
      expect(await catalog.backup(`b-first-${last}`)).toBeUndefined();

      rmSync(ballast);
      for (const run of await catalog.runs({ status: 'running', limit: 5 })) {
        await catalog.finishRun(run.id, runEnd(run, { status: 'failed' }));
      }
      expect((await fill(catalog, 'second')).last).toBeGreaterThan(10);
      expect((await catalog.runs({ status: 'failed', limit: 5 })).length).toBeLessThanOrEqual(1);

      await catalog[Symbol.asyncDispose]();
      using database = new DatabaseSync(join(folder, 'catalog.db'));
      expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    });

    it('cannot be made on a full disk, and can be once there is room', async () => {
      const ballast = join(mount, 'ballast');
      writeUntilFull(ballast);
      expect(() => openSqliteCatalog(folder)).toThrow(expect.objectContaining({ code: 'state_full' }));
      expect(() => acquireServiceLock(folder)).toThrow(expect.objectContaining({ code: 'state_full' }));
      rmSync(ballast);
      await using catalog = openSqliteCatalog(folder);
      expect(await catalog.check()).toEqual([]);
    });

    it('is denied on a read-only disk, new or existing', async () => {
      await openSqliteCatalog(folder)[Symbol.asyncDispose]();
      command('mount', '-o', 'remount,ro', mount);
      expect(() => openSqliteCatalog(folder)).toThrow(expect.objectContaining({ code: 'state_denied' }));
      expect(() => openSqliteCatalog(join(mount, 'other'))).toThrow(
        expect.objectContaining({ code: 'state_denied' }),
      );
      expect(() => acquireServiceLock(folder)).toThrow(expect.objectContaining({ code: 'state_denied' }));
    });
  },
);

/** Down to the last page: a file, and then small ones, until nothing goes in any more. */
function writeUntilFull(path: string): void {
  for (let size = 4 * 1024 * 1024; size >= 4096; size /= 2) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // It takes no more of this size.
    }
  }
}

function command(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
