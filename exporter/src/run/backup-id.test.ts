import { describe, expect, it } from 'vitest';
import { checkObjectName } from '../store/name.ts';
import { backupIdOf, objectPrefixOf, partName } from './backup-id.ts';

describe('the name of a backup', () => {
  const id = backupIdOf('db-prod', Date.parse('2026-11-25T02:00:07.891Z'), Uint8Array.of(0x3f, 0xa2, 0x9c));

  it('tells the schedule and the time', () => {
    expect(id).toBe('db-prod-20261125T020007Z-3fa29c');
  });

  it('begins the names of its objects, which every store takes', () => {
    const prefix = objectPrefixOf('db-prod', id);
    const main = partName(prefix, { role: 'main', format: 'pg_custom' });
    const globals = partName(prefix, { role: 'globals', format: 'sql' });
    expect(main).toBe('db-prod/db-prod-20261125T020007Z-3fa29c.pgdump.zst.age');
    expect(globals).toBe('db-prod/db-prod-20261125T020007Z-3fa29c.globals.sql.zst.age');
    for (const name of [main, globals]) checkObjectName(name);
  });
});
