import { openPostgres, type PostgresOptions } from '../postgres/postgres.ts';
import type { Catalog } from './catalog.ts';
import { PostgresDatabase } from './postgres/database.ts';
import { SqlCatalog } from './sql/catalog.ts';

/**
 * Opens the catalog of one host on a PostgreSQL that several share, making its schema where absent. Throws `config_invalid` for a
 * URL that cannot be read, `state_unavailable`, `state_denied`, `state_invalid`, `state_busy`, `state_full`; every method of the
 * result may throw these as well, and `state_unknown`.
 */
export async function openPostgresCatalog(
  url: string,
  instance: string,
  options: Omit<PostgresOptions, 'applicationName'> = {},
): Promise<Catalog> {
  const postgres = openPostgres(url, { ...options, applicationName: `lowtide ${instance}` });
  return new SqlCatalog(await PostgresDatabase.open(postgres, instance));
}
