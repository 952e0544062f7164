import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupIdOf, objectPrefixOf, partName } from '../run/backup-id.ts';
import { configCopyName } from '../recovery/config-copy.ts';
import { partialName } from '../store/name.ts';
import { journalName } from '../store/objects/journal.ts';
import { passingKindOf, storedNameOf } from './stored-name.ts';

describe('the name of a stored object', () => {
  it('tells the backup of whatever a run writes', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
    const second = fc.integer({ min: 0, max: 4_000_000_000 });
    const bytes = fc.uint8Array({ minLength: 3, maxLength: 3 });
    const role = fc.constantFrom('main' as const, 'globals' as const);
    const format = fc.constantFrom(...(['pg_custom', 'sql', 'sqlite', 'tar', 'raw'] as const));
    fc.assert(
      fc.property(id, second, bytes, role, format, (schedule, seconds, random, part, kind) => {
        const backupId = backupIdOf(schedule, seconds * 1000 + 7, random);
        const prefix = objectPrefixOf(schedule, backupId);
        const name = partName(prefix, { role: part, format: kind });
        const expected = { schedule, backupId, startedAt: seconds * 1000, prefix };
        expect(storedNameOf(name)).toEqual({ ...expected, isManifest: false });
        expect(storedNameOf(`${name}.json`)).toEqual({ ...expected, isManifest: true });
      }),
    );
  });

  it.each([
    '_config/20261125T020000000Z-3fa29c.age',
    '_check/0123456789ab/object',
    'probe-123',
    'notes.json',
    'files/readme.txt',
    'files/files-20261125T020000Z-3fa29c.tar.zst.age.bak',
    'files/files-20261125T020000Z-3fa29c.tar.gz',
    'files/files-20261325T020000Z-3fa29c.tar.zst.age',
    'files/other-20261125T020000Z-3fa29c.tar.zst.age',
    'old/files/files-20261125T020000Z-3fa29c.tar.zst.age',
    'files-20261125T020000Z-3fa29c.tar.zst.age',
  ])('is not for Lowtide to judge where it made none such: %s', (name) => {
    expect(storedNameOf(name)).toBeUndefined();
  });
});

const uuid = '0f8fad5b-d9cb-469f-a165-70867728950e';
const object = 'files/files-20261125T020000Z-3fa29c.tar.zst.age';

it.each([
  [configCopyName(Date.UTC(2026, 10, 25), '3fa29c'), 'config_copy'],
  [`probe-${uuid}`, 'check'],
  ['_check/0123456789ab/law-1/object', 'check'],
  [journalName(uuid), 'rotation'],
  [partialName(object, uuid), 'rotation'],
  [object, undefined],
  [partialName('somebody/else.tar', uuid), undefined],
  ['_config/notes.txt', undefined],
  ['.lowtide/notes.txt', undefined],
  ['probe-me', undefined],
])('%s is there for a while only, as %s', (name, kind) => {
  expect(passingKindOf(name)).toBe(kind);
});
