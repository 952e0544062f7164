import { expect, it } from 'vitest';
import { numbered, quotedName } from './sql-text.ts';

it.each([
  ['SELECT ?', 'SELECT $1'],
  ['VALUES (?, ?), (?, ?)', 'VALUES ($1, $2), ($3, $4)'],
  ['SELECT ?2, ?1, ?2', 'SELECT $2, $1, $2'],
  ["SELECT 'why?', ?", "SELECT 'why?', $1"],
  ["SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"],
  ['SELECT "a?" FROM t WHERE b = ?', 'SELECT "a?" FROM t WHERE b = $1'],
  ['SELECT ? -- why?\n, ?', 'SELECT $1 -- why?\n, $2'],
  ['SELECT /* ? */ ?', 'SELECT /* ? */ $1'],
  ['DO $$ BEGIN ? END $$; SELECT ?', 'DO $$ BEGIN ? END $$; SELECT $1'],
  ['DO $a$ $b$ ? $b$ $a$; SELECT ?', 'DO $a$ $b$ ? $b$ $a$; SELECT $1'],
])('numbers the placeholders of %j', (sql, expected) => {
  expect(numbered(sql)).toBe(expected);
});

it('quotes a name whatever is in it', () => {
  expect(quotedName('db-host "1"')).toBe('"db-host ""1"""');
});
