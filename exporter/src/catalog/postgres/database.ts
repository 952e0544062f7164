import { LowtideError } from '../../errors/lowtide-error.ts';
import { migratePostgres } from '../../postgres/migrate.ts';
import type { Postgres, Transaction as PostgresTransaction } from '../../postgres/postgres.ts';
import { migrations } from '../migrations/postgres/migrations.ts';
import { Owner } from '../ownership.ts';
import type { StateDatabase, Transaction } from '../sql/transaction.ts';
import { homeOf } from './home.ts';
import { lockOf, ownerOf } from './owners.ts';
import { schemaOf } from './schema-name.ts';

const beatMs = 15_000;
/** Nothing refers any more to one that left nothing but its row. */
const forgottenAfter = '7 days';

type AssertOurs = (transaction: PostgresTransaction) => Promise<void>;

export interface HostState {
  readonly instance: string;
  /** This host's own, where its processes see each other; made where absent. */
  readonly folder: string;
  /** Asked in each transaction that writes: throws where it is not this process any more that works for the host. */
  readonly assertOurs: AssertOurs;
}

/**
 * The state of one host on a server that others share: in a schema of its own, which no other host writes to. Writers take
 * turns by a lock on its name, as those of SQLite do. Owners of one home see by the locks they hold there who of them is
 * alive, whatever becomes of the server meanwhile; one with another home is alive as long as it is seen.
 */
export class PostgresDatabase implements StateDatabase {
  readonly #postgres: Postgres;
  readonly #schema: string;
  readonly #home: string;
  readonly #owner: Owner;
  readonly #assertOurs: AssertOurs;
  readonly #beat: NodeJS.Timeout;
  #isClosed = false;

  private constructor(
    postgres: Postgres,
    schema: string,
    home: string,
    owner: Owner,
    assertOurs: AssertOurs,
  ) {
    this.#postgres = postgres;
    this.#schema = schema;
    this.#home = home;
    this.#owner = owner;
    this.#assertOurs = assertOurs;
    this.#beat = setInterval(() => {
      // What keeps it from being seen is met, and told, by whoever asks for something.
      this.#beSeen().catch(() => undefined);
    }, beatMs).unref();
  }

  /**
   * Makes the schema of the instance, or brings it up to date. Closing closes `postgres`, which stays open where this rejects.
   * Throws what that throws, and `state_denied`, `state_full` for the folder.
   */
  static async open(
    postgres: Postgres,
    { instance, folder, assertOurs }: HostState,
  ): Promise<PostgresDatabase> {
    const schema = schemaOf(instance);
    const home = homeOf(folder);
    await migratePostgres(postgres, schema, migrations);
    // Nobody asks who is alive while locks of dead owners are taken to be removed: askers are in such a transaction too.
    const owner = await postgres.write(() => Promise.resolve(Owner.enter(folder)), {
      schema,
      lock: lockOf(schema),
    });
    const database = new PostgresDatabase(postgres, schema, home, owner, assertOurs);
    try {
      await database.#beSeen();
      await database.#forget();
      return database;
    } catch (thrown) {
      database.#leave();
      throw thrown;
    }
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.read((transaction) => work(this.#as(transaction)), { schema: this.#schema });
  }

  async write<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.write(
      async (transaction) => {
        await this.#assertOurs(transaction);
        return await work(this.#as(transaction));
      },
      { schema: this.#schema, lock: lockOf(this.#schema) },
    );
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
    try {
      await this.write((tx) => tx.run('DELETE FROM owners WHERE id = ?', this.#owner.id));
    } catch {
      // Its lock is gone all the same; from elsewhere it counts as gone in a minute.
    }
    this.#leave();
    await this.#postgres[Symbol.asyncDispose]();
  }

  #leave(): void {
    this.#isClosed = true;
    clearInterval(this.#beat);
    this.#owner[Symbol.dispose]();
  }

  async #beSeen(): Promise<void> {
    await this.#postgres.write(
      async (transaction) => {
        await this.#assertOurs(transaction);
        await transaction.run(
          `INSERT INTO owners (id, home, seen_at) VALUES (?, ?, clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
          this.#owner.id,
          this.#home,
        );
      },
      { schema: this.#schema, idempotent: true },
    );
  }

  /** Those that were killed have left their row. */
  async #forget(): Promise<void> {
    await this.write((tx) =>
      tx.run(`DELETE FROM owners WHERE seen_at < clock_timestamp() - interval '${forgottenAfter}'`),
    );
  }

  #as(transaction: PostgresTransaction): Transaction {
    return {
      owner: { id: this.#owner.id, isAlive: (id) => this.#isAlive(transaction, id) },
      get: (sql, ...values) => transaction.get(sql, ...values),
      all: (sql, ...values) => transaction.all(sql, ...values),
      run: (sql, ...values) => transaction.run(sql, ...values),
    };
  }

  async #isAlive(transaction: PostgresTransaction, id: string): Promise<boolean> {
    if (id === this.#owner.id) return true;
    const known = await ownerOf(transaction, id);
    if (known === undefined) return false;
    return known.home === this.#home ? this.#owner.isAlive(id) : known.isSeen;
  }
}
