import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCodes } from './codes.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

/** The rows of all tables, cells without their markup. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
  .map(([, code = '', exit, http, errorType, meaning, remedy]) => ({
    code,
    facts: { exit: Number(exit), http: Number(http), errorType },
    meaning,
    remedy,
  }));

describe('docs/errors.md', () => {
  it('has each code once, with the exit code, the status and the label that it turns into', () => {
    expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(errorCodes).sort());
    expect(Object.fromEntries(rows.map(({ code, facts }) => [code, facts]))).toEqual(errorCodes);
  });

  it('says of each what it means and what helps', () => {
    expect(rows.filter(({ meaning, remedy }) => meaning === '' || remedy === '')).toEqual([]);
  });
});
