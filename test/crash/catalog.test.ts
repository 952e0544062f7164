import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { FileLock } from '../../exporter/src/catalog/file-lock.ts';
import { acquireServiceLock } from '../../exporter/src/catalog/ownership.ts';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { refuses } from '../conformance/catalog-given.ts';
import { newRun, runEnd } from '../conformance/catalog-samples.ts';
import { TestChild } from './children.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-crash-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a child into a pid namespace of its own, as a container does. */
const apart = ['unshare', '--pid', '--fork', '--kill-child'];
const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--kill-child', 'true']).status === 0;

const child = (...args: string[]): TestChild => new TestChild('catalog-child.ts', args);

/** Each run of `write-runs` is either still running, with nothing filed, or has all of its four records. */
async function expectWholeTransactions(catalog: Catalog): Promise<void> {
  const runs = await catalog.runs({ limit: 100_000 });
  const events = await catalog.eventsAfter(0, 1_000_000);
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  const finished = new Set(events.flatMap(({ body }) => (body.name === 'run:finished' ? [body.runId] : [])));
  for (const run of runs) {
    const backup = await catalog.backup(`b-${run.id}`);
    const filed = run.status === 'completed';
    expect([run.id, backup?.copies.length, finished.has(run.id)]).toEqual([
      run.id,
      filed ? 2 : undefined,
      run.status !== 'running',
    ]);
    expect(run.backupId).toBe(backup?.id);
  }
  const backups = await catalog.backups({ limit: 100_000 });
  expect(backups).toHaveLength(runs.filter((run) => run.status === 'completed').length);
  const bytes = backups.reduce((sum, backup) => sum + backup.storedBytes, 0);
  if (backups.length > 0)
    expect((await catalog.totals()).bytesByStore).toEqual({ local: bytes, offsite: bytes });
}

function expectSound(): void {
  using database = new DatabaseSync(join(folder, 'catalog.db'));
  expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
}

describe('a process killed with kill -9', () => {
  it('leaves whole transactions only, and everything it has promised, at whatever point it dies', async () => {
    const promised = new Set<string>();
    for (const [round, lines] of [2, 3, 5, 9, 20, 33, 61, 120, 250].entries()) {
      await using writer = child('write-runs', folder, `w${round}`);
      await writer.written(lines);
      await writer.kill();
      for (const line of writer.lines.slice(1)) promised.add(line);

      await using catalog = openSqliteCatalog(folder);
      await expectWholeTransactions(catalog);
      const done = new Set(
        (await catalog.runs({ status: 'completed', limit: 100_000 })).map((run) => run.id),
      );
      expect([...promised].filter((id) => !done.has(id))).toEqual([]);
      for (const lost of await catalog.orphanedRuns(new Set()))
        await catalog.finishRun(lost.id, runEnd(lost, { status: 'interrupted' }));
      expect(await catalog.runs({ status: 'running', limit: 5 })).toEqual([]);
      expectSound();
    }
    expect(promised.size).toBeGreaterThan(400);
  });

  it('leaves a state that opens, at whatever point of the first opening it dies', async () => {
    for (let ms = 40; ms <= 160; ms += 8) {
      await using opener = child('write-runs', folder, 'w', '1');
      await delay(ms);
      await opener.kill();
      await using catalog = openSqliteCatalog(folder);
      await expectWholeTransactions(catalog);
      await catalog[Symbol.asyncDispose]();
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    }
  });

  it('holds its run until then, and loses it to the next process afterwards', async () => {
    await using holder = child('hold-run', folder, 'db-prod');
    await holder.written(1);
    await using catalog = openSqliteCatalog(folder);
    await refuses('run_active', () => catalog.startRun(newRun('mine')));
    await refuses('run_active', () => catalog.finishRun('run-of-db-prod', runEnd(newRun('run-of-db-prod'))));
    expect(await catalog.orphanedRuns(new Set())).toEqual([]);

    await holder.kill();
    expect((await catalog.orphanedRuns(new Set())).map((run) => run.id)).toEqual(['run-of-db-prod']);
    expect((await catalog.startRun(newRun('mine'))).status).toBe('running');
    const lost = newRun('run-of-db-prod');
    expect((await catalog.finishRun(lost.id, runEnd(lost, { status: 'interrupted' }))).status).toBe(
      'interrupted',
    );
    expect(await catalog.orphanedRuns(new Set(['mine']))).toEqual([]);

    expect(readdirSync(join(folder, 'owners'))).toHaveLength(2);
    await using another = openSqliteCatalog(folder);
    expect(readdirSync(join(folder, 'owners'))).toHaveLength(2);
    expect(await another.check()).toEqual([]);
  });

  it('keeps the service lock until then, and no longer', async () => {
    await using service = child('serve', folder);
    await service.written(1);
    expect(() => acquireServiceLock(folder)).toThrow(`process ${service.pid} on `);
    await service.kill();
    expect(existsSync(join(folder, 'service.json'))).toBe(true);
    acquireServiceLock(folder)[Symbol.dispose]();
  });

  it.skipIf(!canUnshare)(
    'is seen alive and dead from another container, where pids mean nothing (needs the right to unshare)',
    async () => {
      await using service = new TestChild('catalog-child.ts', ['serve', folder], apart);
      await using holder = new TestChild('catalog-child.ts', ['hold-run', folder, 'db-prod'], apart);
      await Promise.all([service.written(1), holder.written(1)]);
      await using catalog = openSqliteCatalog(folder);
      await refuses('run_active', () => catalog.startRun(newRun('mine')));
      expect(() => acquireServiceLock(folder)).toThrow(/^process 1 on .+ already serves/);
      await Promise.all([service.kill(), holder.kill()]);
      // unshare has gone; what it had started follows in a moment.
      await expect
        .poll(async () => (await catalog.orphanedRuns(new Set())).length, { timeout: 5000 })
        .toBe(1);
      await expect.poll(() => FileLock.isHeld(join(folder, 'service.lock')), { timeout: 5000 }).toBe(false);
    },
  );
});

describe('several processes at once', () => {
  it('lose nothing of each other, from the first opening on', async () => {
    const names = ['one', 'two', 'three'];
    const writers = names.map((name) => child('write-runs', folder, name, '60'));
    expect(await Promise.all(writers.map((writer) => writer.ended()))).toEqual([0, 0, 0]);
    await using catalog = openSqliteCatalog(folder);
    await expectWholeTransactions(catalog);
    for (const name of names) {
      expect(await catalog.runs({ schedule: name, status: 'completed', limit: 100 })).toHaveLength(60);
    }
    expect(await catalog.eventsAfter(0, 1000)).toHaveLength(360);
    expectSound();
  });

  it('let a service end its lock by itself, so that the next can start', async () => {
    await using service = child('serve', folder);
    await service.written(1);
    expect(await service.end()).toBe(0);
    expect(existsSync(join(folder, 'service.json'))).toBe(false);
    acquireServiceLock(folder)[Symbol.dispose]();
  });
});
