import type { Postgres, Transaction } from '../postgres/postgres.ts';
import type { Lease, Leases } from './fleet.ts';

/** Whoever was heard of so lately has not been replaced: nobody may take the name of a host before it was silent for longer. */
const certainMs = 30_000;

/** Keeps a process that works under the name of a host from writing once another one has taken its place. */
export class HostGuard {
  readonly #postgres: Postgres;
  readonly #leases: Leases;
  readonly #elapsed: () => number;
  #lease: Lease | undefined;
  #heardAt = 0;

  /** `elapsed`: milliseconds of a clock that is never set, and goes on while the machine sleeps. */
  constructor(postgres: Postgres, leases: Leases, elapsed: () => number) {
    this.#postgres = postgres;
    this.#leases = leases;
    this.#elapsed = elapsed;
  }

  /** From now on. Until then, as in a command that only looks in, nothing is asked. */
  hold(lease: Lease): void {
    this.#lease = lease;
    this.#heardAt = this.#elapsed();
  }

  /** For `confirmed`: just before PostgreSQL is asked. */
  moment(): number {
    return this.#elapsed();
  }

  /** PostgreSQL has said that the lease is still ours. */
  confirmed(askedAt: number): void {
    this.#heardAt = askedAt;
  }

  /** Within a transaction that writes for the host. Throws `lease_lost`. */
  readonly assert = async (transaction: Transaction): Promise<void> => {
    if (this.#lease !== undefined) await this.#leases.assertNotTaken(transaction, this.#lease);
  };

  /**
   * For what no transaction can undo, just before it is done. Who was paused asks PostgreSQL first. Throws `lease_lost`, and
   * `state_unavailable` where there is nobody to ask.
   */
  readonly assertNow = async (): Promise<void> => {
    if (this.#lease === undefined || this.#elapsed() - this.#heardAt < certainMs) return;
    const askedAt = this.#elapsed();
    await this.#postgres.write(this.assert, { idempotent: true, durable: false });
    this.confirmed(askedAt);
  };
}
