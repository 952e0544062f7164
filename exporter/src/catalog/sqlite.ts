import type { Catalog } from './catalog.ts';
import { SqlCatalog } from './sql/catalog.ts';
import { SqliteDatabase } from './sqlite/database.ts';

/**
 * Opens the catalog of a state folder, making folder and catalog where absent. Throws `state_invalid` (damaged, newer,
 * or no catalog), `state_denied`, `state_full`, `state_busy`; every method of the result may throw these as well.
 */
export function openSqliteCatalog(folder: string): Catalog {
  return new SqlCatalog(SqliteDatabase.open(folder));
}
