import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { snapshot } from '../conformance/catalog-given.ts';

/** A file under test/golden; it is rewritten by `vitest --update`. */
const golden = (name: string): string => new URL(`../golden/${name}`, import.meta.url).pathname;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-schema-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function schemaOf(path: string): string {
  using database = new DatabaseSync(path, { readOnly: true });
  const parts = database
    .prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type <> ?, type, name')
    .all('table');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
  return [`-- user_version ${String(version)}`, ...parts.map((part) => `${String(part['sql'])};`), ''].join(
    '\n\n',
  );
}

describe('the schema of the catalog', () => {
  it('is the one on record: a change is a new migration', async () => {
    await openSqliteCatalog(folder)[Symbol.asyncDispose]();
    await expect(schemaOf(join(folder, 'catalog.db'))).toMatchFileSnapshot(golden('catalog-schema.sql'));
  });

  it('is reached from a file of version 1, whose content is all still there', async () => {
    const state = join(folder, 'state');
    mkdirSync(state);
    using old = new DatabaseSync(join(state, 'catalog.db'));
    old.exec(readFileSync(golden('catalog-version-1.sql'), 'utf8'));
    old.close();

    await using catalog = openSqliteCatalog(state);
    await expect(`${JSON.stringify(await snapshot(catalog), undefined, 2)}\n`).toMatchFileSnapshot(
      golden('catalog-version-1.json'),
    );
    expect(await catalog.schedule('files')).toEqual({ paused: true });
    await openSqliteCatalog(folder)[Symbol.asyncDispose]();
    expect(schemaOf(join(state, 'catalog.db'))).toBe(schemaOf(join(folder, 'catalog.db')));
  });
});
