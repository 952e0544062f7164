import type { Postgres } from '../postgres/postgres.ts';
import type { Catalog, CatalogReader } from './catalog.ts';
import { PostgresDatabase, type HostState } from './postgres/database.ts';
import { OthersDatabase } from './postgres/reader.ts';
import { SqlCatalog } from './sql/catalog.ts';

/**
 * Opens the catalog of one host on a PostgreSQL that several share, making its schema where absent. Closing closes `postgres`. Throws `state_unavailable`, `state_denied`, `state_invalid`, `state_busy`,
 * `state_full`; every method of the result may throw these as well, and `state_unknown`.
 */
export async function openPostgresCatalog(postgres: Postgres, host: HostState): Promise<Catalog> {
  try {
    return new SqlCatalog(await PostgresDatabase.open(postgres, host));
  } catch (thrown) {
    await postgres[Symbol.asyncDispose]();
    throw thrown;
  }
}

/**
 * What another host of the same PostgreSQL knows. Nothing is opened, and `postgres` stays the caller's. Every method of the result
 * throws what `postgres` throws, `not_found` where there is no such host, and `host_unreadable` where its Lowtide is of another
 * version, so that its state cannot be read.
 */
export function readPostgresCatalog(postgres: Postgres, instance: string): CatalogReader {
  return new SqlCatalog(new OthersDatabase(postgres, instance));
}
