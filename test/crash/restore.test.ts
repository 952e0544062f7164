import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { verifyCopy } from '../../exporter/src/run/verify.ts';
import { directorySource } from '../../exporter/src/source/directory.ts';
import { sqliteSource } from '../../exporter/src/source/sqlite.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { bytesSource, TestInstallation } from '../conformance/sealed-backup.ts';
import { describeTree } from '../integration/tree.ts';
import { TestChild } from './children.ts';

let lowtide: TestInstallation;
beforeAll(async () => {
  lowtide = await TestInstallation.open();
});
afterAll(() => lowtide[Symbol.asyncDispose]());

const kinds = ['low', 'high'] as const;

async function backUpFolder(kind: string, files = 40): Promise<Backup> {
  const folder = lowtide.newFolder(`sources/${kind}`);
  for (let i = 0; i < files; i += 1) writeFileSync(join(folder, `${kind}-${i}`), randomBytes(20_000));
  return await lowtide.backUp(directorySource({ path: folder, exclude: [], unreadable: 'fail' }));
}

async function backUpSqlite(kind: string, rows: number): Promise<Backup> {
  const path = join(lowtide.newFolder('sources'), `${kind}.sqlite`);
  rmSync(path, { force: true });
  {
    using database = new DatabaseSync(path);
    database.exec('CREATE TABLE tides (id INTEGER PRIMARY KEY, kind TEXT, more BLOB); BEGIN');
    const insert = database.prepare('INSERT INTO tides (kind, more) VALUES (?, randomblob(500))');
    for (let i = 0; i < rows; i += 1) insert.run(kind);
    database.exec('COMMIT');
  }
  return await lowtide.backUp(sqliteSource({ path }));
}

function tidesIn(path: string): unknown {
  using database = new DatabaseSync(path);
  return {
    check: database.prepare('PRAGMA integrity_check').get()?.['integrity_check'],
    content: database.prepare('SELECT kind, count(*) AS n FROM tides GROUP BY kind').all(),
  };
}

describe('a restore that is killed', () => {
  /** Kills a process that restores one backup over the other, once `count` things have happened to files of these names. */
  async function killed(
    target: string,
    backups: readonly Backup[],
    { names, count }: { readonly names: RegExp; readonly count: number },
  ): Promise<void> {
    const ids = backups.map(({ id }) => id);
    await using child = new TestChild('restore-child.ts', ['alternate', lowtide.folder, target, ...ids]);
    await child.written(2);
    const events = watch(dirname(target), { signal: AbortSignal.timeout(30_000) });
    let left = count;
    for await (const { filename } of events) {
      if (filename !== null && names.test(filename)) left -= 1;
      if (left <= 0) break;
    }
    await child.kill();
  }

  it('leaves a SQLite database old or new', { timeout: 120_000 }, async () => {
    const backups = [await backUpSqlite('low', 16_000), await backUpSqlite('high', 24_000)];
    const states = [
      { check: 'ok', content: [{ kind: 'low', n: 16_000 }] },
      { check: 'ok', content: [{ kind: 'high', n: 24_000 }] },
    ];
    const target = join(lowtide.newFolder('killed'), 'tides.sqlite');
    let inMidst = 0;
    for (const mode of ['delete', 'wal']) {
      await lowtide.restore(backups[0]!, target, { force: true });
      {
        using database = new DatabaseSync(target);
        database.exec(`PRAGMA journal_mode = ${mode}`);
      }
      for (const count of [1, 4, 16, 64, 256]) {
        await killed(target, backups, { names: /^tides\.sqlite(-wal|-journal)?$/, count });
        if (existsSync(`${target}-journal`) || existsSync(`${target}-wal`)) inMidst += 1;
        expect(states).toContainEqual(tidesIn(target));
      }
    }
    // Else this would be a test of something else.
    expect(inMidst).toBeGreaterThanOrEqual(5);
  });

  it('leaves a folder old or new', { timeout: 120_000 }, async () => {
    const backups = await Promise.all(kinds.map((kind) => backUpFolder(kind)));
    const trees = kinds.map((kind) => describeTree(join(lowtide.folder, 'sources', kind)));
    const parent = mkdtempSync(join(lowtide.folder, 'killed-folder-'));
    const target = join(parent, 'tides');
    await lowtide.restore(backups[0]!, target);
    // While it is unpacked, at the first rename, at the second, and while the old one is removed.
    const moments = [/\.partial$/, /\.partial$/, /\.replaced$/, /\.replaced$/, /^tides$/, /^tides$/];
    for (const names of moments) {
      await killed(target, backups, { names, count: 1 });
      // Between the two renames nobody has the name; the next restore gives it back to the old folder.
      if (!existsSync(target))
        await expect(lowtide.restore(backups[0]!, target)).rejects.toBeInstanceOf(LowtideError);
      expect(trees).toContainEqual(describeTree(target));
    }
    // What was left beside has names that tell what it is.
    expect(
      readdirSync(parent).filter((name) => !/^tides(\.lowtide-.*\.(partial|replaced))?$/.test(name)),
    ).toEqual([]);
  });
});

describe.skipIf(process.getuid?.() !== 0)('a disk that is too small (needs root to mount one)', () => {
  let mount: string;
  let target: string;
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'lowtide-disk-'));
    command('mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount);
    target = join(mount, 'tides');
  });
  afterEach(() => {
    command('umount', mount);
    rmdirSync(mount);
  });

  const isFull = (message: RegExp): unknown =>
    expect.toSatisfy(
      (error) =>
        error instanceof LowtideError &&
        error.code === 'restore_failed' &&
        message.test(error.message) &&
        error.hint?.includes('Make room') === true,
      `restore_failed ${message.source}`,
    );

  it('keeps its old file', async () => {
    const backup = await lowtide.backUp(bytesSource(randomBytes(5_000_000)));
    writeFileSync(target, 'old');
    await expect(lowtide.restore(backup, target, { force: true })).rejects.toEqual(
      isFull(/no space is left/),
    );
    expect(readFileSync(target, 'utf8')).toBe('old');
    expect(readdirSync(mount)).toEqual(['tides']);
  });

  it('keeps its old folder', async () => {
    const backup = await backUpFolder('spring', 250);
    mkdirSync(target);
    writeFileSync(join(target, 'old'), 'old');
    await expect(lowtide.restore(backup, target, { force: true })).rejects.toEqual(
      isFull(/No space left on device/),
    );
    expect(readdirSync(target)).toEqual(['old']);
    expect(readdirSync(mount)).toEqual(['tides']);
  });

  it('keeps its old SQLite database, also when only the staged image fits', async () => {
    const small = await backUpSqlite('low', 100);
    const large = await backUpSqlite('high', 5000);
    await lowtide.restore(small, target);
    expect(large.sizeBytes).toBeLessThan(3.5 * 1024 * 1024);
    await expect(lowtide.restore(large, target, { force: true })).rejects.toEqual(
      isFull(/has no room to grow/),
    );
    expect(tidesIn(target)).toEqual({ check: 'ok', content: [{ kind: 'low', n: 100 }] });
    expect(readdirSync(mount)).toEqual(['tides']);
  });

  it('lets a SQLite image be verified by its hashes alone', async () => {
    const { manifest } = await backUpSqlite('high', 10_000);
    const verdict = await verifyCopy({
      store: lowtide.store('near'),
      manifest: storedManifest(manifest),
      keystore: lowtide.keystore,
      pool: lowtide.pool,
      scratch: mount,
      signal: new AbortController().signal,
    });
    expect(verdict).toEqual({
      status: 'passed',
      warnings: [`no integrity check: there is no room for the image in ${mount}`],
    });
    expect(readdirSync(mount)).toEqual([]);
  });
});

it('needs no more memory for a large backup', { timeout: 120_000 }, async () => {
  const path = join(lowtide.newFolder('sources'), 'large');
  const measured = async (randomSize: number, size: number): Promise<number> => {
    writeFileSync(path, randomBytes(randomSize));
    // The rest compresses to nothing: little to read, and much to write.
    truncateSync(path, size);
    const backup = await lowtide.backUp(directorySource({ path, exclude: [], unreadable: 'fail' }));
    const target = join(lowtide.folder, `restored-${size}`);
    rmSync(target, { recursive: true, force: true });
    await using child = new TestChild('restore-child.ts', ['measure', lowtide.folder, target, backup.id]);
    expect(await child.ended()).toBe(0);
    const [status, peakKib] = child.lines[0]?.split(' ') ?? [];
    expect(status).toBe('passed');
    expect(statSync(join(target, 'large')).size).toBe(size);
    return Number(peakKib);
  };
  const small = await measured(1_000_000, 1_000_000);
  const large = await measured(150_000_000, 400_000_000);
  // What V8 leaves lying about before it collects: some 100 MiB at most, whatever the size.
  expect(large - small).toBeLessThan(180 * 1024);
});

function command(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
