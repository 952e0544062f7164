import { randomUUID } from 'node:crypto';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { migratePostgres } from '../../postgres/migrate.ts';
import type { Postgres, Transaction as PostgresTransaction } from '../../postgres/postgres.ts';
import { migrations } from '../migrations/postgres/migrations.ts';
import type { StateDatabase, StateOwner, Transaction } from '../sql/transaction.ts';
import { schemaOf } from './schema-name.ts';

/** An owner that has not been seen for so long, by the clock of the server, is gone. */
const goneAfterSeconds = 60;
const beatMs = 15_000;

/**
 * The state of one host on a server that others share: in a schema of its own, which no other host writes to. Writers take
 * turns by a lock on its name, as those of SQLite do; an owner is alive as long as it is seen.
 */
export class PostgresDatabase implements StateDatabase {
  readonly #postgres: Postgres;
  readonly #schema: string;
  readonly #owner: string = randomUUID();
  readonly #beat: NodeJS.Timeout;
  #isClosed = false;

  private constructor(postgres: Postgres, schema: string) {
    this.#postgres = postgres;
    this.#schema = schema;
    this.#beat = setInterval(() => {
      // What keeps it from being seen is met, and told, by whoever asks for something.
      this.#beSeen().catch(() => undefined);
    }, beatMs).unref();
  }

  /** Makes the schema of the instance, or brings it up to date. Closing closes `postgres`. Throws what that throws. */
  static async open(postgres: Postgres, instance: string): Promise<PostgresDatabase> {
    const schema = schemaOf(instance);
    try {
      await migratePostgres(postgres, schema, migrations);
      const database = new PostgresDatabase(postgres, schema);
      await database.#beSeen();
      return database;
    } catch (thrown) {
      await postgres[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.read((transaction) => work(this.#as(transaction)), { schema: this.#schema });
  }

  async write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.write((transaction) => work(this.#as(transaction)), {
      schema: this.#schema,
      lock: `lowtide state ${this.#schema}`,
    });
  }

  async findings(): Promise<readonly string[]> {
    try {
      await this.write((tx) => tx.run('UPDATE lowtide_schema SET version = version'));
      return [];
    } catch (thrown) {
      return [LowtideError.from(thrown).message];
    }
  }

  /** Leaves: runs of this owner that are still running are orphans from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#beat);
    try {
      await this.write((tx) => tx.run('DELETE FROM owners WHERE id = ?', this.#owner));
    } catch {
      // Nobody sees it any more: in a minute it counts as gone.
    }
    await this.#postgres[Symbol.asyncDispose]();
  }

  async #beSeen(): Promise<void> {
    await this.#postgres.write(
      (transaction) =>
        transaction.run(
          `INSERT INTO owners (id, seen_at) VALUES (?, clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
          this.#owner,
        ),
      { schema: this.#schema, idempotent: true },
    );
  }

  #as(transaction: PostgresTransaction): Transaction {
    const owner: StateOwner = {
      id: this.#owner,
      isAlive: async (id) => {
        if (id === this.#owner) return true;
        const seen = await transaction.get(
          `SELECT 1 FROM owners WHERE id = ? AND seen_at > clock_timestamp() - make_interval(secs => ?)`,
          id,
          goneAfterSeconds,
        );
        return seen !== undefined;
      },
    };
    return {
      owner,
      get: (sql, ...values) => transaction.get(sql, ...values),
      all: (sql, ...values) => transaction.all(sql, ...values),
      run: (sql, ...values) => transaction.run(sql, ...values),
    };
  }
}
