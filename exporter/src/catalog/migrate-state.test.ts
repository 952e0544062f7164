import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRun, noon, runEnd } from '../../../test/conformance/catalog-samples.ts';
import { complete, refuses, snapshot } from '../../../test/conformance/catalog-given.ts';
import { moveState, type MovableState, type MoveProgress, type StateFilling } from './migrate-state.ts';
import { openSqliteCatalog } from './sqlite.ts';
import { MovableFolder } from './sqlite/movable.ts';

let root: string;
let from: string;
let to: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-move-'));
  from = join(root, 'from');
  to = join(root, 'to');
  await using catalog = openSqliteCatalog(from);
  for (const id of ['b1', 'b2', 'b3']) await complete(catalog, id);
  await catalog.removeCopy('b2', 'local', 'too old', noon);
  const run = await catalog.startRun(newRun('logged', { schedule: 'files' }));
  await catalog.runLogs.append('logged', { at: noon, level: 'info', message: 'a\0b' });
  await catalog.finishRun('logged', runEnd(run, { status: 'failed' }));
});
afterEach(() => rmSync(root, { recursive: true }));

const signal = new AbortController().signal;
const moved = (target: MovableState = new MovableFolder(to)): ReturnType<typeof moveState> =>
  moveState(new MovableFolder(from), target, { signal });

async function read(folder: string): Promise<unknown> {
  await using catalog = openSqliteCatalog(folder);
  return await snapshot(catalog);
}

function setVersion(folder: string, version: number): void {
  using database = new DatabaseSync(join(folder, 'catalog.db'));
  database.exec(`PRAGMA user_version = ${version}`);
}

/** A folder that something happens to as its tables are filled. */
function meddled(meddle: (filling: StateFilling) => Partial<StateFilling>): MovableState {
  const folder = new MovableFolder(to);
  return {
    label: to,
    identity: () => folder.identity(),
    read: (work) => folder.read(work),
    fill: (work) =>
      folder.fill((filling) =>
        work({
          tables: filling.tables,
          insert: (table, rows) => filling.insert(table, rows),
          rows: (table) => filling.rows(table),
          storable: (text) => filling.storable(text),
          ...meddle(filling),
        }),
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Nothing that a catalog would be taken for, and nothing half-made. */
function expectNothing(): void {
  expect(readdirSync(to).filter((name) => name.startsWith('catalog.db'))).toEqual([]);
}

describe('a state that is moved', () => {
  it('is all there, counted as it was, and goes on where it was; the old one stays as it was', async () => {
    const before = await read(from);
    const { rows, changedTexts } = await moved();
    expect(rows).toMatchObject({ backups: 3, runs: 4, run_log_lines: 1, events: 9 });
    expect(changedTexts).toBe(0);
    expect(await read(from)).toEqual(before);
    expect(await read(to)).toEqual(before);
    await using catalog = openSqliteCatalog(to);
    await using old = openSqliteCatalog(from);
    for (const each of [catalog, old]) await complete(each, 'b4');
    expect(await snapshot(catalog)).toEqual(await snapshot(old));
    expect(await catalog.runLogs.of('logged')).toMatchObject([{ message: 'a\0b' }]);
  });

  it('has the tables, indexes and triggers of one that was made here', async () => {
    await moved();
    const schemaOf = (folder: string): unknown => {
      using database = new DatabaseSync(join(folder, 'catalog.db'), { readOnly: true });
      return database
        .prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name')
        .all()
        .concat(
          database.prepare('PRAGMA journal_mode').all(),
          database.prepare('PRAGMA application_id').all(),
        );
    };
    expect(schemaOf(to)).toEqual(schemaOf(from));
  });

  it('may take the place of a catalog that holds nothing', async () => {
    await openSqliteCatalog(to)[Symbol.asyncDispose]();
    await moved();
    expect(await read(to)).toEqual(await read(from));
  });

  it('tells how far it has come, up to all that was written', async () => {
    const told: MoveProgress[] = [];
    const onProgress = (progress: MoveProgress): void => void told.push(progress);
    await moveState(new MovableFolder(from), new MovableFolder(to), { signal, onProgress });
    expect([...new Set(told.map(({ step }) => step))]).toEqual(['writing', 'reading_back']);
    const last = told.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    expect(last?.doneBytes).toBeGreaterThan(1000);
  });
});

describe('a state is not moved', () => {
  it.each([
    ['a row that was changed', 1, { message: 'c' }],
    ['a row that was lost', 0, {}],
    ['a row that is there twice', 2, {}],
  ])('with %s', async (_, times, change) => {
    const target = meddled((filling) => ({
      async insert(table, rows) {
        if (table.name !== 'run_log_lines') return filling.insert(table, rows);
        for (let index = 0; index < times; index += 1) {
          await filling.insert(
            table,
            rows.map((row) => ({ ...row, ...change, number: index + 1 })),
          );
        }
      },
    }));
    await expect(moved(target)).rejects.toMatchObject({
      code: 'state_invalid',
      message: `run_log_lines of ${to} is not what was written there`,
    });
    expectNothing();
    await moved();
  });

  it('whose tables are not those of the target', async () => {
    using database = new DatabaseSync(join(from, 'catalog.db'));
    database.exec('CREATE TABLE notes (text TEXT)');
    database.close();
    await expect(moved()).rejects.toMatchObject({
      code: 'state_invalid',
      message: expect.stringContaining('notes (text)') as string,
    });
    expectNothing();
  });

  it('to where one is already, or to itself', async () => {
    await moved();
    await refuses('state_exists', moved);
    await refuses('usage', () =>
      moveState(new MovableFolder(from), new MovableFolder(`${from}/.`), { signal }),
    );
    expect(await read(to)).toEqual(await read(from));
  });

  it('from where there is none, which leaves nothing there', async () => {
    const nowhere = new MovableFolder(join(root, 'nowhere'));
    await refuses('not_found', () => moveState(nowhere, new MovableFolder(to), { signal }));
    expect(existsSync(nowhere.label)).toBe(false);
    expect(existsSync(to)).toBe(false);
  });

  it('while somebody has it open, or has open what it shall become', async () => {
    {
      await using _user = openSqliteCatalog(from);
      await refuses('state_busy', moved);
    }
    {
      await using _user = openSqliteCatalog(to);
      await refuses('state_busy', moved);
    }
    await moved();
  });

  it('with work that has not ended, which is named', async () => {
    {
      await using catalog = openSqliteCatalog(from);
      await catalog.startRun(newRun('left', { schedule: 'other' }));
    }
    await expect(moved()).rejects.toMatchObject({
      code: 'run_active',
      message: `not ended yet, in ${from}: run left`,
    });
    expect(existsSync(to)).toBe(false);
  });

  it.each([
    ['older', 14, 'bring it up to date'],
    ['newer', 16, 'A newer Lowtide'],
  ])('of an %s version, or to where one of it would be', async (_, version, hint) => {
    await openSqliteCatalog(to)[Symbol.asyncDispose]();
    const expectRefused = async (folder: string): Promise<void> => {
      await expect(moved()).rejects.toMatchObject({
        code: 'state_invalid',
        message: `${folder} has version ${version}, and this Lowtide moves version 15`,
        hint: expect.stringContaining(hint) as string,
      });
    };
    setVersion(from, version);
    await expectRefused(from);
    setVersion(from, 15);
    setVersion(to, version);
    await expectRefused(to);
  });

  it('once it was cancelled', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped');
    await expect(
      moveState(new MovableFolder(from), new MovableFolder(to), {
        signal: stop.signal,
        onProgress: ({ step }) => {
          if (step === 'reading_back') stop.abort(reason);
        },
      }),
    ).rejects.toThrow(reason.message);
    expectNothing();
  });
});
