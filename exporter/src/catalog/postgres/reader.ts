import { LowtideError } from '../../errors/lowtide-error.ts';
import { versionOf } from '../../postgres/migrate.ts';
import type { Postgres } from '../../postgres/postgres.ts';
import { migrations } from '../migrations/postgres/migrations.ts';
import type { StateDatabase, Transaction } from '../sql/transaction.ts';
import { schemaOf } from './schema-name.ts';

/**
 * The state of another host: nobody enters it, nothing is migrated, and the server itself holds every transaction to reading.
 * Whether it can be read is looked at each time, since its host may be upgraded at any moment.
 */
export class OthersDatabase implements StateDatabase {
  readonly #postgres: Postgres;
  readonly #instance: string;
  readonly #schema: string;

  constructor(postgres: Postgres, instance: string) {
    this.#postgres = postgres;
    this.#instance = instance;
    this.#schema = schemaOf(instance);
  }

  async read<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return await this.#postgres.read(
      async (transaction) => {
        const found = await versionOf(transaction, this.#schema, this.#postgres.label);
        if (!found.isThere) throw nothingKept(this.#instance);
        if (found.readableFrom > migrations.length) throw tooNew(this.#instance);
        if (found.version < migrations.length) throw tooOld(this.#instance);
        return await work({
          owner: { id: '', isAlive: refuseWriting },
          get: (sql, ...values) => transaction.get(sql, ...values),
          all: (sql, ...values) => transaction.all(sql, ...values),
          run: refuseWriting,
        });
      },
      { schema: this.#schema },
    );
  }

  write = refuseWriting;

  findings(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  /** The connections are the caller's. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function refuseWriting(): Promise<never> {
  return Promise.reject(new LowtideError('internal', "another host's state is only read"));
}

function nothingKept(instance: string): LowtideError {
  return new LowtideError('not_found', `there is no state of a host ${instance}`, {
    hint: 'GET hosts lists those that are known.',
  });
}

function tooNew(instance: string): LowtideError {
  return new LowtideError('host_unreadable', `a newer Lowtide has written the state of ${instance}`, {
    hint: 'Upgrade this exporter, or ask one of that version.',
  });
}

function tooOld(instance: string): LowtideError {
  return new LowtideError('host_unreadable', `an older Lowtide keeps the state of ${instance}`, {
    hint: 'Upgrade that host: it brings its state up to date when it starts.',
  });
}
