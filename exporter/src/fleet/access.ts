import type { Postgres } from '../postgres/postgres.ts';
import type { Fleet } from './fleet.ts';
import { HostGuard } from './host-guard.ts';
import { PostgresLeases } from './leases.ts';
import { openFleet } from './postgres-fleet.ts';

/** The way to the fleet from one host: opened when somebody asks, and closed with `postgres`, which is the caller's. */
export class FleetAccess {
  readonly postgres: Postgres;
  /** This host's own folder. */
  readonly folder: string;
  /** What the host writes is written under it. */
  readonly guard: HostGuard;
  #opened: Promise<Fleet> | undefined;

  constructor(postgres: Postgres, folder: string) {
    this.postgres = postgres;
    this.folder = folder;
    this.guard = new HostGuard(new PostgresLeases(postgres));
  }

  /** Throws what `openFleet` throws; then the next to ask tries again. */
  async open(): Promise<Fleet> {
    this.#opened ??= openFleet(this.postgres);
    try {
      return await this.#opened;
    } catch (thrown) {
      this.#opened = undefined;
      throw thrown;
    }
  }
}
