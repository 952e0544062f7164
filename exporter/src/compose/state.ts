import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import type { MovableState } from '../catalog/migrate-state.ts';
import { PostgresDatabase } from '../catalog/postgres/database.ts';
import { homeOf } from '../catalog/postgres/home.ts';
import { MovableSchema } from '../catalog/postgres/movable.ts';
import { schemaOf } from '../catalog/postgres/schema-name.ts';
import { SqlCatalog } from '../catalog/sql/catalog.ts';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import { MovableFolder } from '../catalog/sqlite/movable.ts';
import { openStandIn, refuseUndelivered, type StandIn } from '../catalog/stand-in.ts';
import { systemClock } from '../clock/system.ts';
import { isPostgresUrl } from '../config/location.ts';
import type { Config } from '../config/schema.ts';
import { FleetAccess } from '../fleet/access.ts';
import { refuseTaken } from '../fleet/hosts.ts';
import { openPostgres } from '../postgres/postgres.ts';
import type { Environment } from './process.ts';

export interface OpenState {
  readonly catalog: Catalog;
  /** Undefined where the state is a folder. */
  readonly fleet: FleetAccess | undefined;
  /** Undefined where nobody stands in for it. */
  readonly standIn: StandIn | undefined;
}

/** `standsIn`: what is done while a PostgreSQL is away is kept on this host. Throws what the catalog throws. */
export async function openState(
  { state, local, instance }: Config,
  env: Environment,
  standsIn: boolean,
): Promise<OpenState> {
  if (!isPostgresUrl(state)) {
    return { catalog: openSqliteCatalog(state), fleet: undefined, standIn: undefined };
  }
  const postgres = openPostgres(state, { applicationName: `lowtide ${instance}`, environment: env });
  const fleet = new FleetAccess(postgres, local, sinceBoot);
  const host = { instance, folder: local, assertOurs: fleet.guard.assert };
  const connect = async (): Promise<PostgresDatabase> => {
    // What waits to be delivered is not for whoever works under the name by now. And a command at home elsewhere, as that of a
    // machine that was copied, has other keys and other folders than the host that it would write for.
    await refuseTaken(postgres, instance, homeOf(local));
    return await PostgresDatabase.open(postgres, host);
  };
  try {
    if (!standsIn) return { catalog: new SqlCatalog(await connect()), fleet, standIn: undefined };
    // What was noted for one instance is not delivered as that of another.
    const folder = standInFolder({ instance, local });
    const standIn = await openStandIn({ folder, connect, now: () => systemClock.now() });
    return { catalog: standIn.catalog, fleet, standIn };
  } catch (thrown) {
    await postgres[Symbol.asyncDispose]();
    throw thrown;
  }
}

function standInFolder({ instance, local }: Pick<Config, 'instance' | 'local'>): string {
  return join(local, 'stand-in', schemaOf(instance));
}

/** The state of an installation at a URL or in a folder, to be moved as a whole. Throws `config_invalid` for a URL that cannot be read, `run_active` for what waits here to be delivered to it. */
export function openMovableState(
  location: string,
  { instance, local }: Pick<Config, 'instance' | 'local'>,
  env: Environment,
): MovableState {
  if (!isPostgresUrl(location)) return new MovableFolder(location);
  refuseUndelivered(standInFolder({ instance, local }), instance);
  const postgres = openPostgres(location, {
    applicationName: `lowtide state migrate ${instance}`,
    environment: env,
    // One transaction waits while the other side reads or writes much.
    timeouts: { statement: movingTimeoutMs, idleInTransaction: movingTimeoutMs },
  });
  return new MovableSchema(postgres, instance, local);
}

const movingTimeoutMs = 600_000;

/** Milliseconds of a clock that is never set, and goes on while the machine sleeps. */
function sinceBoot(): number {
  return uptime() * 1000;
}
