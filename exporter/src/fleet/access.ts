import type { Postgres } from '../postgres/postgres.ts';
import type { Queue } from '../queue/queue.ts';
import type { Fleet } from './fleet.ts';
import { HostGuard } from './host-guard.ts';
import { PostgresLeases } from './leases.ts';
import { openFleet } from './postgres-fleet.ts';

/** The way to the fleet from one host: opened when somebody asks, and closed before `postgres`, which is the caller's. */
export class FleetAccess implements AsyncDisposable {
  readonly postgres: Postgres;
  /** This host's own folder. */
  readonly folder: string;
  /** What the host writes is written under it. */
  readonly guard: HostGuard;
  /** As HostGuard has it. */
  readonly elapsed: () => number;
  readonly #fleet: () => Promise<Fleet>;
  readonly #queue: () => Promise<Queue>;
  #opened: Queue | undefined;

  constructor(postgres: Postgres, folder: string, elapsed: () => number) {
    this.postgres = postgres;
    this.folder = folder;
    this.elapsed = elapsed;
    this.#fleet = openedOnce(() => openFleet(postgres));
    this.#queue = openedOnce(async () => {
      // A quarter of all that is read at a start, and where the state is a folder nobody needs it.
      const { openPgBossQueue } = await import('../queue/pg-boss.ts');
      return (this.#opened = await openPgBossQueue(postgres));
    });
    this.guard = new HostGuard(postgres, new PostgresLeases(postgres), elapsed);
  }

  /** Throws what `openFleet` throws; then the next to ask tries again. */
  open(): Promise<Fleet> {
    return this.#fleet();
  }

  /** Throws what `openPgBossQueue` throws; the same. */
  queue(): Promise<Queue> {
    return this.#queue();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.[Symbol.asyncDispose]();
  }
}

function openedOnce<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    if (opened === undefined) {
      opened = open();
      opened.catch(() => (opened = undefined));
    }
    return opened;
  };
}
