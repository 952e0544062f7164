import type pg from 'pg';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parseAddress } from './address.ts';
import { connectPrimary, type Connection } from './connect.ts';
import { Pool } from './pool.ts';
import { isLoss, postgresRefusal } from './refusal.ts';
import { quotedName } from './sql-text.ts';
import { OpenTransaction } from './transaction.ts';

export type SqlValue = string | number | bigint | Uint8Array | null;

/**
 * Numbers are plain (an int8 or numeric beyond what a number holds is an error, never a wrong number), booleans are 0 and 1
 * as in SQLite, bytea is bytes; all else is text as the server writes it.
 */
export type Row = Readonly<Record<string, string | number | Uint8Array | null>>;

/**
 * One statement at a time, awaited, and none once `work` has settled. Placeholders are `?` in order, or `?1`, `?2`; those
 * in literals and comments stay. The operators of jsonb that are a question mark are not to be had.
 *
 * A statement that fails takes the transaction with it, as PostgreSQL does: let the error through.
 */
export interface Transaction {
  get(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  all(sql: string, ...values: readonly SqlValue[]): Promise<Row[]>;
  /** How many rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
}

/** What an engine that brings its own SQL needs. */
export interface NativeTransaction extends Transaction {
  /** The row of the `opening` that was asked for. */
  readonly opening: Row | undefined;
  /** As pg does it: `$1`, any number of statements where there are no values, pg's own types, and errors as they come. */
  native(sql: string, values?: readonly unknown[]): Promise<{ rows: object[] }>;
}

export interface Scope {
  /** The schema in which names without one are looked up: nothing else is on the search path. */
  readonly schema?: string;
}

export interface WriteScope extends Scope {
  /** Held to the end of the transaction: one writer at a time for all who name the same. */
  readonly lock?: string;
  /** To be done twice is as good as once: `work` is run again, once, where the connection was lost or two got in each other's way. */
  readonly idempotent?: boolean;
  /** A query without values whose row is to be known from the start: it goes along with BEGIN, on the same way there and back. */
  readonly opening?: string;
  /** False: it does no harm if a crash of the server loses it, a moment after. The disk is not waited for. */
  readonly durable?: boolean;
}

/**
 * A database of PostgreSQL, by a small pool of connections to its primary. Throws `state_unavailable` (retryable: nobody
 * answers, or no host is the primary), `state_denied`, `state_busy` (retryable), `state_full`, `state_invalid`. What `work`
 * throws of its own passes unchanged, and the transaction is undone.
 *
 * Where the connection breaks after COMMIT was sent, nobody knows whether it was done: `state_unknown`. It is never done
 * again unless the caller has said that this does no harm.
 */
export interface Postgres extends AsyncDisposable {
  /** `postgres://db1:5432,db2:5432/lowtide`: for messages; without user and password. */
  readonly label: string;
  /** Runs `work` on one unchanging view of the data. */
  read<T>(work: (transaction: Transaction) => Promise<T>, scope?: Scope): Promise<T>;
  /** Runs `work` in one transaction: whole and durable once this resolves, undone when it rejects. */
  write<T>(work: (transaction: NativeTransaction) => Promise<T>, scope?: WriteScope): Promise<T>;
}

export interface PostgresOptions {
  /** `lowtide db-host-1`: how the connections are called in the server's views. */
  readonly applicationName: string;
  /** Of libpq: PGPASSWORD, PGSSLROOTCERT and their like. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly timeouts?: Partial<Timeouts>;
  /** Each connection is a process of the server: many hosts share it. */
  readonly maxConnections?: number;
}

/** In milliseconds. Each bounds how long something may hang that does not answer. */
export interface Timeouts {
  /** To connect to one host, to begin on an idle connection, and to wait for a free one. `connect_timeout` in the URL goes before. */
  readonly connect: number;
  /** The server gives up a statement; the client waits `connect` longer, then takes the connection for dead. */
  readonly statement: number;
  /** The server gives up waiting for a lock. */
  readonly lock: number;
  /** The server ends a session that holds a transaction open and asks nothing. */
  readonly idleInTransaction: number;
}

const defaultTimeouts: Timeouts = {
  connect: 5000,
  statement: 20_000,
  lock: 10_000,
  idleInTransaction: 30_000,
};

/** Reads the URL and connects at first use. Throws `config_invalid` for a URL or a certificate that cannot be read. */
export function openPostgres(url: string, options: PostgresOptions): Postgres {
  return new PooledPostgres(url, options);
}

class PooledPostgres implements Postgres {
  readonly label: string;
  readonly #pool: Pool<Connection>;
  readonly #timeouts: Timeouts;

  constructor(url: string, options: PostgresOptions) {
    const address = parseAddress(url, options.environment ?? {});
    const timeouts = { ...defaultTimeouts, ...address.timeouts, ...options.timeouts };
    this.label = address.label;
    this.#timeouts = timeouts;
    let lastGood = 0;
    this.#pool = new Pool({
      max: options.maxConnections ?? 4,
      waitMs: timeouts.connect,
      idleMs: 30_000,
      async connect() {
        const found = await connectPrimary(address, lastGood, options.applicationName, timeouts);
        lastGood = found.hostIndex;
        return found;
      },
    });
  }

  read<T>(work: (transaction: Transaction) => Promise<T>, scope: Scope = {}): Promise<T> {
    return this.#inTransaction('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work, scope);
  }

  async write<T>(work: (transaction: NativeTransaction) => Promise<T>, scope: WriteScope = {}): Promise<T> {
    const once = (): Promise<T> =>
      this.#inTransaction('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE', work, scope);
    try {
      return await once();
    } catch (error) {
      if (!scope.idempotent || !isWorthAnother(error)) throw error;
      return once();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  async #inTransaction<T>(
    begin: string,
    work: (transaction: NativeTransaction) => Promise<T>,
    scope: WriteScope,
  ): Promise<T> {
    const { connection, opening } = await this.#begun(begin, scope);
    const transaction = new OpenTransaction(connection, this.label, opening);
    let result: T;
    try {
      if (scope.lock !== undefined) {
        await transaction.get('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))', scope.lock);
      }
      result = await work(transaction);
    } catch (error) {
      transaction.end();
      await this.#undo(connection);
      throw error;
    }
    transaction.end();
    await this.#commit(connection);
    return result;
  }

  /** An idle connection may have died unseen: nothing is done yet, so that another may be tried. */
  async #begun(
    begin: string,
    { schema, durable = true, opening = '' }: WriteScope,
  ): Promise<{ readonly connection: Connection; readonly opening: Row | undefined }> {
    const path = schema === undefined ? '' : `; SET LOCAL search_path TO ${quotedName(schema)}`;
    const commit = durable ? '' : '; SET LOCAL synchronous_commit TO off';
    const text = `${begin}${path}${commit}; ${opening}`;
    for (let attempt = 1; ; attempt += 1) {
      const connection = await this.#acquired();
      try {
        const answered: unknown = await connection.client.query({
          text,
          query_timeout: this.#timeouts.connect,
        } as Query);
        const last = [answered].flat().at(-1) as pg.QueryResult<Row>;
        return { connection, opening: last.rows[0] };
      } catch (error) {
        connection.lost ||= isLoss(error);
        if (!connection.lost) await this.#undo(connection);
        else this.#pool.discard(connection);
        // The first may have lain idle; a second that was made a moment ago has no such excuse.
        if (!connection.lost || attempt === 2) throw postgresRefusal(error, this.label);
      }
    }
  }

  async #acquired(): Promise<Connection> {
    try {
      return await this.#pool.acquire();
    } catch (error) {
      throw postgresRefusal(error, this.label);
    }
  }

  async #commit(connection: Connection): Promise<void> {
    if (connection.lost) {
      this.#pool.discard(connection);
      throw postgresRefusal(new Error('the connection broke before it was committed'), this.label);
    }
    try {
      const { command } = await connection.client.query('COMMIT');
      this.#pool.release(connection);
      if (command === 'COMMIT') return;
    } catch (error) {
      connection.lost ||= isLoss(error);
      if (!connection.lost) {
        this.#pool.release(connection);
        throw postgresRefusal(error, this.label);
      }
      this.#pool.discard(connection);
      throw new LowtideError('state_unknown', `${this.label} was lost while it wrote`, {
        hint: 'Whether it was written is not known: look, and do it again where it was not.',
        cause: error,
      });
    }
    // A statement had failed, and `work` went on as if nothing had happened.
    throw new LowtideError('internal', 'a transaction was committed after a statement of it had failed');
  }

  async #undo(connection: Connection): Promise<void> {
    if (!connection.lost) {
      try {
        await connection.client.query({ text: 'ROLLBACK', query_timeout: this.#timeouts.connect } as Query);
        this.#pool.release(connection);
        return;
      } catch {
        // What went wrong before is what counts; without its connection the server undoes the transaction by itself.
      }
    }
    this.#pool.discard(connection);
  }
}

/** `query_timeout` of one query is read by pg, and missing from its types. */
type Query = pg.QueryConfig;

function isWorthAnother(error: unknown): boolean {
  return error instanceof LowtideError && (error.retryable || error.code === 'state_unknown');
}
