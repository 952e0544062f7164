import type { Postgres } from '../postgres/postgres.ts';
import type { Catalog } from './catalog.ts';
import { PostgresDatabase, type HostState } from './postgres/database.ts';
import { SqlCatalog } from './sql/catalog.ts';

/**
 * Opens the catalog of one host on a PostgreSQL that several share, making its schema where absent. Closing closes `postgres`. Throws `state_unavailable`, `state_denied`, `state_invalid`, `state_busy`,
 * `state_full`; every method of the result may throw these as well, and `state_unknown`.
 */
export async function openPostgresCatalog(postgres: Postgres, host: HostState): Promise<Catalog> {
  return new SqlCatalog(await PostgresDatabase.open(postgres, host));
}
