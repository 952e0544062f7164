import { migratePostgres } from '../postgres/migrate.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { PostgresFacts } from './facts.ts';
import type { Fleet } from './fleet.ts';
import { announce, enter, forget, listHosts } from './hosts.ts';
import { PostgresLeases } from './leases.ts';
import { fleetMigrations, fleetSchema } from './migrations.ts';
import { PostgresPlan } from './plan.ts';
import { PostgresCampaigns } from './postgres-campaigns.ts';
import { PostgresRequests } from './requests.ts';
import { PostgresViews } from './views.ts';
import { PostgresWays } from './ways.ts';

/**
 * The fleet in the schema `lowtide` of this database, which is made and brought up to date. The database stays the caller's, and
 * its catalog may be in the same: `leases.assertHeld` takes any transaction of it.
 */
export async function openFleet(postgres: Postgres): Promise<Fleet> {
  await migratePostgres(postgres, fleetSchema, fleetMigrations);
  const leases = new PostgresLeases(postgres);
  return {
    leases,
    plan: new PostgresPlan(postgres, leases),
    facts: new PostgresFacts(postgres, leases),
    views: new PostgresViews(postgres, leases),
    requests: new PostgresRequests(postgres, leases),
    campaigns: new PostgresCampaigns(postgres, leases),
    ways: new PostgresWays(postgres, leases),
    enter: (host, home, ttlMs) => enter(postgres, host, home, ttlMs),
    announce: (host) => announce(postgres, host),
    hosts: () => listHosts(postgres),
    forget: (instance) => forget(postgres, instance),
  };
}
