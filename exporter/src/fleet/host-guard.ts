import type { Transaction } from '../postgres/postgres.ts';
import type { Lease, Leases } from './fleet.ts';

/** Keeps a process that works under the name of a host from writing once another one has taken its place. */
export class HostGuard {
  readonly #leases: Leases;
  #lease: Lease | undefined;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  /** From now on. Until then, as in a command that only looks in, nothing is asked. */
  hold(lease: Lease): void {
    this.#lease = lease;
  }

  /** Within a transaction that writes for the host. Throws `lease_lost`. */
  readonly assert = async (transaction: Transaction): Promise<void> => {
    if (this.#lease !== undefined) await this.#leases.assertNotTaken(transaction, this.#lease);
  };
}
