import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { catalogConformance } from '../conformance/catalog.ts';

catalogConformance('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-catalog-'));
  return {
    open: () => openSqliteCatalog(folder),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
});
