import { describe, expect, it } from 'vitest';
import { isExcluded } from './exclusion.ts';

describe('isExcluded', () => {
  it.each([
    ['data/backups', ['data'], true],
    ['data/backups', ['data/'], true],
    ['data/backups', ['./data'], true],
    ['data/backups', ['/data'], true],
    ['data/backups', ['data/backups'], true],
    ['data/backups', ['backups'], true],
    ['data/backups', ['/backups'], false],
    ['data/backups', ['./backups'], false],
    ['data/backups', ['data/b*'], true],
    ['data/backups', ['/*'], true],
    ['data/backups', ['d?ta'], true],
    ['data/backups', ['[a-d]ata'], true],
    ['data/backups', ['[!a-d]ata'], false],
    ['data/backups', ['*ups'], true],
    ['data/backups', ['d*ups'], false],
    ['data/backups', ['data/backups/inner'], false],
    ['data/backups', ['dat', 'ata', 'backup'], false],
    ['data/backups', [], false],
    ['data.old/backups', ['data?old'], true],
    ['dataXold/backups', ['data.old'], false],
    ['a+b/c', ['a+b'], true],
    ['a[b/c', ['a[b'], true],
  ])('%s by %j: %s', (path, patterns, expected) => expect(isExcluded(path, patterns)).toBe(expected));
});
