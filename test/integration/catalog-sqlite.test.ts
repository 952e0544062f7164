import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { catalogConformance } from '../conformance/catalog.ts';

catalogConformance('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lowtide-catalog-'));
  return {
    open: () => openSqliteCatalog(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});
