import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setAsideCatalog } from './sqlite/set-aside.ts';
import { openSqliteCatalog } from './sqlite.ts';

let root: string;
let folder: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-state-'));
  folder = join(root, 'data', 'state');
  file = join(folder, 'catalog.db');
});
afterEach(() => rmSync(root, { recursive: true }));

/** Enough rows that the file has pages beyond the schema. */
async function fill(): Promise<void> {
  await using catalog = openSqliteCatalog(folder);
  for (let index = 0; index < 500; index += 1) {
    await catalog.append({ name: 'run:deferred', schedule: `s${index}`, reason: 'x'.repeat(200) }, index);
  }
}

const damagedState = (): unknown =>
  expect.objectContaining({
    code: 'state_invalid',
    message: `the catalog ${file} is damaged`,
    hint: expect.stringContaining('lowtide catalog rebuild') as string,
  });

describe('opening a catalog', () => {
  it('makes folder and file readable by their owner alone, the log beside it too', async () => {
    await using catalog = openSqliteCatalog(folder);
    await catalog.setPaused('a', true);
    const modes = [folder, file, `${file}-wal`, `${file}-shm`].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
  });

  it('leaves nothing but the catalog once closed', async () => {
    await openSqliteCatalog(folder)[Symbol.asyncDispose]();
    expect(readdirSync(folder).sort()).toEqual(['catalog.db', 'opening.lock', 'owners']);
    expect(readdirSync(join(folder, 'owners'))).toEqual([]);
  });

  it('uses a folder that exists as it is', async () => {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    await openSqliteCatalog(folder)[Symbol.asyncDispose]();
    expect(statSync(folder).mode & 0o777).toBe(0o755);
  });

  it('starts over what was cut off while the first catalog was being made', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.partial`, 'half a database');
    writeFileSync(`${file}-wal`, 'the log of a database that is gone');
    await using catalog = openSqliteCatalog(folder);
    expect(await catalog.eventsAfter(0, 1)).toEqual([]);
    expect(existsSync(`${file}.partial`)).toBe(false);
  });

  it.each<[string, () => void]>([
    ['text', () => writeFileSync(file, 'not a database, '.repeat(1000))],
    ['empty', () => truncateSync(file, 0)],
    ['cut to its first page', () => truncateSync(file, 4096)],
    ['overwritten in its schema', () => writeFileSync(file, overwritten(readFileSync(file), 100, 4000))],
  ])('refuses a file that is %s, names it and says how to get the state back', async (_, damage) => {
    await fill();
    damage();
    const before = readFileSync(file);
    expect(() => openSqliteCatalog(folder)).toThrow(damagedState());
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(join(folder, 'owners'))).toEqual([]);
  });

  it('says so as well when the damage is met later', async () => {
    await fill();
    const pages = statSync(file).size / 4096;
    writeFileSync(file, overwritten(readFileSync(file), (pages - 20) * 4096, 19 * 4096));
    await using catalog = openSqliteCatalog(folder);
    await expect(catalog.eventsAfter(0, 1000)).rejects.toEqual(damagedState());
  });

  it('refuses the catalog of a newer version without touching it', async () => {
    await fill();
    using database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    expect(() => openSqliteCatalog(folder)).toThrow(
      expect.objectContaining({ code: 'state_invalid', hint: expect.stringContaining('newer') as string }),
    );
    expect(database.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 99 });
  });

  it('refuses a state that is a file, not a folder', () => {
    writeFileSync(join(root, 'data'), '');
    expect(() => openSqliteCatalog(folder)).toThrow(expect.objectContaining({ code: 'state_denied' }));
    expect(() => openSqliteCatalog(join(root, 'data'))).toThrow(
      expect.objectContaining({ code: 'state_denied' }),
    );
  });
});

describe('checking a catalog', () => {
  it('notices that the file was removed or replaced under it', async () => {
    await fill();
    await using catalog = openSqliteCatalog(folder);
    copyFileSync(file, `${file}.copy`);
    renameSync(`${file}.copy`, file);
    expect(await catalog.check()).toEqual([expect.stringContaining('removed or replaced')]);
    rmSync(file);
    expect(await catalog.check()).toEqual([expect.stringContaining('removed or replaced')]);
  });

  it('notices that others can read it', async () => {
    await using catalog = openSqliteCatalog(folder);
    chmodSync(file, 0o644);
    expect(await catalog.check()).toEqual([`${file} can be read by other users: chmod 600`]);
  });
});

describe('setting a damaged catalog aside', () => {
  const now = Date.UTC(2026, 2, 3, 12, 0, 0);

  it('moves it to a dated name, so that a new one can be opened', async () => {
    await fill();
    truncateSync(file, 4096);
    const damaged = readFileSync(file);
    const aside = `${file}.damaged-20260303T120000000Z`;
    expect(setAsideCatalog(folder, now)).toBe(aside);
    expect(readFileSync(aside).equals(damaged)).toBe(true);
    await using catalog = openSqliteCatalog(folder);
    expect(await catalog.eventsAfter(0, 1)).toEqual([]);
  });

  it('takes the log along', async () => {
    await fill();
    writeFileSync(`${file}-wal`, 'log');
    const aside = setAsideCatalog(folder, now);
    expect(readFileSync(`${aside ?? ''}-wal`, 'utf8')).toBe('log');
  });

  it('does nothing where there is no catalog', () => {
    mkdirSync(folder, { recursive: true });
    expect(setAsideCatalog(folder, now)).toBeUndefined();
  });

  it('refuses while somebody has it open', async () => {
    await using catalog = openSqliteCatalog(folder);
    expect(() => setAsideCatalog(folder, now)).toThrow(expect.objectContaining({ code: 'state_busy' }));
    expect(await catalog.check()).toEqual([]);
  });
});

function overwritten(bytes: Buffer, from: number, length: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(length, 0xa5), bytes.subarray(from + length)]);
}
