/** What a column holds: numbers are plain, booleans 0 and 1, JSON is text. */
export type SqlValue = string | number | bigint | Uint8Array | null;
export type Row = Readonly<Record<string, SqlValue>>;

/**
 * One transaction on the state, whatever keeps it: SQLite or PostgreSQL. Statements are awaited one at a time; they use what
 * both understand, with `?` for values. A statement that fails takes the transaction with it: let the error through.
 */
export interface Transaction {
  get(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  all(sql: string, ...values: readonly SqlValue[]): Promise<readonly Row[]>;
  /** How many rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
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
