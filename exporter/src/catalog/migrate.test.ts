import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { migrate } from './migrate.ts';

const first = 'CREATE TABLE a (x INTEGER) STRICT';
const second = 'CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b SELECT x + 1 FROM a';

const version = (database: DatabaseSync): unknown =>
  database.prepare('PRAGMA user_version').get()?.['user_version'];
const tables = (database: DatabaseSync): unknown[] =>
  database
    .prepare('SELECT name FROM sqlite_schema ORDER BY name')
    .all()
    .map((row) => row['name']);

describe('migrating', () => {
  it('takes an empty database through all versions, once', () => {
    using database = new DatabaseSync(':memory:');
    migrate(database, [first, second], 'catalog.db');
    migrate(database, [first, second], 'catalog.db');
    expect(tables(database)).toEqual(['a', 'b']);
    expect(version(database)).toBe(2);
  });

  it('takes an older one further and keeps its content', () => {
    using database = new DatabaseSync(':memory:');
    migrate(database, [first], 'catalog.db');
    database.exec('INSERT INTO a VALUES (41)');
    migrate(database, [first, second], 'catalog.db');
    expect(database.prepare('SELECT x FROM b').get()).toMatchObject({ x: 42 });
  });

  it('leaves the last whole version where a migration fails midway, and goes on from there', () => {
    using database = new DatabaseSync(':memory:');
    expect(() =>
      migrate(database, [first, 'CREATE TABLE b (x INTEGER) STRICT; INSERT INTO none VALUES (1)'], 'c'),
    ).toThrow('no such table: none');
    expect(tables(database)).toEqual(['a']);
    expect(version(database)).toBe(1);
    migrate(database, [first, second], 'c');
    expect(version(database)).toBe(2);
  });

  it('refuses one that a newer version has written, and leaves it alone', () => {
    using database = new DatabaseSync(':memory:');
    migrate(database, [first, second], 'state/catalog.db');
    expect(() => migrate(database, [first], 'state/catalog.db')).toThrow(
      expect.objectContaining({
        code: 'state_invalid',
        message: 'the catalog state/catalog.db has version 2, this Lowtide knows up to 1',
      }),
    );
    expect(version(database)).toBe(2);
  });

  it.each([
    ['tables of its own', 'CREATE TABLE photos (x)'],
    ['the mark of another application', 'PRAGMA application_id = 7'],
  ])('refuses a database of something else, known by %s', (_, made) => {
    using database = new DatabaseSync(':memory:');
    database.exec(made);
    expect(() => migrate(database, [first], 'catalog.db')).toThrow(
      expect.objectContaining({
        code: 'state_invalid',
        message: expect.stringContaining('something else') as string,
      }),
    );
  });
});
