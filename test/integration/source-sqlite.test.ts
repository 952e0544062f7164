import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteSource } from '../../exporter/src/source/sqlite.ts';
import { dumpSource, type DumpedPart } from '../conformance/dump.ts';
import { sourceConformance } from '../conformance/source.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
  path = join(folder, 'app.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type JournalMode = 'wal' | 'delete';

/** Two tables of 100 accounts with 1,000 each, and a log to give the file some size. */
function makeBank(mode: JournalMode, logRows = 20_000): void {
  using database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = ${mode};
    CREATE TABLE a (id INTEGER PRIMARY KEY, n INT);
    CREATE TABLE log (line TEXT);
    CREATE TABLE z (id INTEGER PRIMARY KEY, n INT);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100) INSERT INTO a SELECT i, 1000 FROM c;
    INSERT INTO z SELECT * FROM a;
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${logRows})
      INSERT INTO log SELECT hex(randomblob(400)) FROM c;
  `);
}

function expectWhole(parts: readonly DumpedPart[]): void {
  using copy = new DatabaseSync(parts[0]!.path, { readOnly: true });
  expect(Object.values(copy.prepare('PRAGMA integrity_check').get()!)).toEqual(['ok']);
  const sum = copy.prepare('SELECT (SELECT sum(n) FROM a) + (SELECT sum(n) FROM z) AS total').get();
  expect(sum).toEqual({ total: 200_000 });
}

sourceConformance('sqlite', () => {
  if (!existsSync(path)) makeBank('wal', 10);
  return {
    source: () => sqliteSource({ path }),
    absent: { source: () => sqliteSource({ path: join(folder, 'gone.db') }), code: 'source_unreachable' },
    secrets: [],
    expectWhole,
  };
});

describe('a copy of a SQLite database', () => {
  it.each<JournalMode>(['wal', 'delete'])(
    'is of one moment while another process writes (%s)',
    async (mode) => {
      makeBank(mode);
      const writer = spawn(
        process.execPath,
        [fileURLToPath(new URL('./sqlite-writer.ts', import.meta.url)), path],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      try {
        await once(writer.stdout, 'data');
        for (let round = 0; round < 5; round += 1) {
          expectWhole(await dumpSource(sqliteSource({ path }), { folder: join(folder, String(round)) }));
        }
        expect(writer.exitCode).toBeNull();
      } finally {
        writer.kill();
        await once(writer, 'close');
      }
    },
  );

  it('does not hold up a writer of a database in WAL mode', async () => {
    makeBank('wal');
    using writer = new DatabaseSync(path, { timeout: 0 });
    const state = { done: false };
    const dump = dumpSource(sqliteSource({ path }), { folder }).finally(() => {
      state.done = true;
    });
    let writes = 0;
    while (!state.done) {
      writer.exec('UPDATE a SET n = n + 1 WHERE id = 1');
      writes += 1;
      await new Promise(setImmediate);
    }
    await dump;
    expect(writes).toBeGreaterThan(1);
  });

  it('leaves the event loop free while it copies', async () => {
    makeBank('wal', 100_000);
    const copying = join(folder, 'scratch', 'database.sqlite');
    const state = { done: false };
    const dump = dumpSource(sqliteSource({ path }), { folder }).finally(() => {
      state.done = true;
    });
    const sizes = new Set<number>();
    while (!state.done) {
      sizes.add(statSync(copying, { throwIfNoEntry: false })?.size ?? 0);
      await new Promise(setImmediate);
    }
    await dump;
    // It is seen to grow, however slow the machine is.
    expect(sizes.size).toBeGreaterThan(2);
  });

  it('takes what stands only in the write-ahead log as well', async () => {
    makeBank('wal', 10);
    using writer = new DatabaseSync(path);
    writer.exec('PRAGMA wal_autocheckpoint = 0; CREATE TABLE late (n INT); INSERT INTO late VALUES (42)');
    const [main] = await dumpSource(sqliteSource({ path }), { folder });
    using copy = new DatabaseSync(main!.path, { readOnly: true });
    expect(copy.prepare('SELECT n FROM late').get()).toEqual({ n: 42 });
  });

  it('waits for a lock that is given back in time', async () => {
    makeBank('delete', 10);
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const dump = dumpSource(sqliteSource({ path }), { folder });
    setTimeout(() => {
      other.exec('COMMIT');
      other.close();
    }, 250);
    expectWhole(await dump);
  });

  it('changes nothing in the database', async () => {
    makeBank('delete', 10);
    const before = readFileSync(path);
    const { mtimeMs } = statSync(path);
    await dumpSource(sqliteSource({ path }), { folder: join(folder, 'run') });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    expect(readdirSync(folder).sort()).toEqual(['app.db', 'run']);
  });

  it('stops between two steps when it is told to', async () => {
    makeBank('wal', 100_000);
    const controller = new AbortController();
    const reason = new Error('stopped by the test');
    const scratch = join(folder, 'scratch');
    mkdirSync(scratch);
    const watcher = watch(scratch, () => controller.abort(reason));
    const dump = sqliteSource({ path }).prepare({ scratch, signal: controller.signal });
    await expect(dump).rejects.toBe(reason);
    watcher.close();
    const copied = statSync(join(scratch, 'database.sqlite'), { throwIfNoEntry: false })?.size ?? 0;
    expect(copied).toBeLessThan(statSync(path).size);
  });
});

describe('a SQLite database that cannot be copied', () => {
  const dump = (): Promise<unknown> =>
    dumpSource(sqliteSource({ path, lockPatienceMs: 200 }), { folder: join(folder, 'run') });

  it('is not made where it is missing', async () => {
    await expect(dump()).rejects.toMatchObject({ code: 'source_unreachable' });
    expect(existsSync(path)).toBe(false);
  });

  it.each<[what: string, make: () => void, code: string, message: RegExp]>([
    ['a folder', () => mkdirSync(path), 'source_unreachable', /is a folder/],
    [
      'some other file',
      () => writeFileSync(path, 'no database\n'.repeat(1000)),
      'source_failed',
      /not a database/,
    ],
    ['an empty file', () => writeFileSync(path, ''), 'source_empty', /is an empty file/],
    [
      'a file that lost its end',
      () => {
        makeBank('delete', 1000);
        truncateSync(path, 40_960);
      },
      'source_failed',
      /malformed/,
    ],
    [
      'in a file instead of a folder',
      () => ((path = join(file(), 'x')), undefined),
      'source_unreachable',
      /no database file/,
    ],
  ])('is refused: %s', async (_, make, code, message) => {
    make();
    await expect(dump()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
      hint: expect.any(String) as string,
    });
  });

  it('is refused after a while when somebody keeps it locked', async () => {
    makeBank('delete', 10);
    using other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    await expect(dump()).rejects.toMatchObject({ code: 'source_unreachable', retryable: true });
    other.exec('ROLLBACK');
  });

  it('is refused when a crash left it in the middle of a write', async () => {
    makeBank('delete', 10);
    const writer = new DatabaseSync(path);
    // A cache of one page drives changed pages to the file before the transaction ends.
    writer.exec(
      'PRAGMA cache_size = 1; BEGIN; UPDATE log SET line = hex(randomblob(400)); UPDATE a SET n = 0',
    );
    const crashed = join(folder, 'crashed.db');
    copyFileSync(path, crashed);
    copyFileSync(`${path}-journal`, `${crashed}-journal`);
    writer.close();
    path = crashed;
    await expect(dump()).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringContaining('in the middle of a write') as string,
    });
  });

  it('says so when its copy cannot be made', async () => {
    makeBank('delete', 10);
    const scratch = join(folder, 'gone');
    const source = sqliteSource({ path });
    await expect(source.prepare({ scratch, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringContaining('its copy in the scratch folder') as string,
    });
  });

  function file(): string {
    const name = join(folder, 'plain-file');
    writeFileSync(name, '');
    return name;
  }
});
