import type { Row, SqlValue, Transaction as Statements } from '../../postgres/postgres.ts';

export type { Row, SqlValue };

/** One transaction on the state, whatever keeps it: SQLite or PostgreSQL. Statements use what both understand. */
export interface Transaction extends Statements {
  /** Whose transaction it is. */
  readonly owner: StateOwner;
}

/** A process, or one opening of the state in it: runs and claims carry its id. */
export interface StateOwner {
  readonly id: string;
  /** Whether the owner with this id still lives; it may be this one. Right inside of a writing transaction alone. */
  isAlive(id: string): Promise<boolean>;
}

/** The state of one host. Throws `state_…` as its driver says; what `work` throws passes unchanged, and undoes the transaction. */
export interface StateDatabase extends AsyncDisposable {
  /** Runs `work` on one unchanging view of the data. It must not ask the database itself, which would wait for it for ever. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` in one transaction, one at a time among all owners: whole and durable once this resolves, undone when it rejects. */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** What keeps the next write from happening, or would lose it, as sentences. */
  findings(): Promise<readonly string[]>;
}
