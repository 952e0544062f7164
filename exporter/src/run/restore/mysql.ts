import { LowtideError } from '../../errors/lowtide-error.ts';
import { parseMysqlUrl, type MysqlConnection } from '../../source/mysql/connection.ts';
import {
  emptyDatabase,
  objectsOf,
  openClient,
  sameObjects,
  type DatabaseObject,
  type MysqlClient,
} from './mysql-client.ts';
import { makeSafetyDump, type SafetyDump } from './mysql-safety.ts';
import type { CopyReader, Restored, RestoreTarget, TargetOptions } from './target.ts';

/**
 * A MySQL or MariaDB database. The server has no transaction that spans CREATE and DROP, so the old content is kept in
 * another way:
 *
 * 1. The copy is verified.
 * 2. What the database holds is dumped into a private file in the safety folder, durably.
 * 3. The database is emptied, all tables by one statement: it waits for those who use one, and gives up before it has
 *    dropped any.
 * 4. The backup is loaded. If that fails, the database is emptied again and the safety file is loaded.
 * 5. The safety file is removed. After a kill, and where the server is gone for good, it stays.
 */
export function mysqlTarget(url: string, options: TargetOptions): RestoreTarget {
  const database = new TargetDatabase(url, options);
  return {
    async check() {
      await database.contentToReplace();
    },
    async restore(copy) {
      return await database.restore(copy);
    },
  };
}

const objectsNamed = 5;

class TargetDatabase {
  readonly #url: string;
  readonly #connection: MysqlConnection;
  readonly #options: TargetOptions;

  constructor(url: string, options: TargetOptions) {
    this.#url = url;
    this.#connection = parseMysqlUrl(url);
    this.#options = options;
  }

  /** What the database holds. Throws `restore_target_exists` where that may not be replaced. */
  async contentToReplace(): Promise<readonly DatabaseObject[]> {
    const { scratch, signal, force } = this.#options;
    const objects = await objectsOf(await openClient(this.#connection, scratch, signal));
    if (objects.length === 0 || force) return objects;
    const named = objects.slice(0, objectsNamed).map(({ name }) => name);
    throw new LowtideError(
      'restore_target_exists',
      `${this.#connection.label} is not empty: it has ${named.join(', ')}${objects.length > objectsNamed ? ', …' : ''}`,
      { hint: 'Restore into a new database, or give --force: all of its content is then replaced.' },
    );
  }

  async restore(copy: CopyReader): Promise<Restored> {
    const warnings = await copy.verify();
    // It may have taken hours, and somebody may have begun to use the database.
    const old = await this.contentToReplace();
    if (old.length === 0) await this.#fill(copy);
    else await this.#replace(old, copy);
    return { restored: [this.#connection.label], warnings };
  }

  async #fill(copy: CopyReader): Promise<void> {
    try {
      await this.#load(copy.open(copy.manifest.parts[0]));
    } catch (thrown) {
      try {
        await emptyDatabase(await this.#lastingClient());
      } catch (cause) {
        throw explained(
          thrown,
          `What had been loaded could not be removed: ${LowtideError.from(cause).message}`,
        );
      }
      throw thrown;
    }
  }

  async #replace(old: readonly DatabaseObject[], copy: CopyReader): Promise<void> {
    const { scratch, signal, safetyFolder: folder } = this.#options;
    const safety = await makeSafetyDump({ url: this.#url, folder, scratch, signal });
    try {
      await this.#empty(old);
      await this.#load(copy.open(copy.manifest.parts[0]));
    } catch (thrown) {
      if (!(thrown instanceof NothingDropped)) await this.#putBack(safety, thrown);
      await safety.remove();
      throw thrown instanceof NothingDropped ? thrown.cause : thrown;
    }
    await safety.remove();
  }

  async #empty(old: readonly DatabaseObject[]): Promise<void> {
    const { scratch, signal } = this.#options;
    try {
      await emptyDatabase(await openClient(this.#connection, scratch, signal));
    } catch (thrown) {
      const left = await this.#lastingClient().then(objectsOf, () => []);
      throw sameObjects(old, left) ? new NothingDropped(thrown) : thrown;
    }
  }

  async #load(content: AsyncIterable<Uint8Array>): Promise<void> {
    const { scratch, signal } = this.#options;
    const client = await openClient(this.#connection, scratch, signal);
    await client.change(content);
  }

  /** Throws, with the failure told first, when the old content could not be put back. */
  async #putBack(safety: SafetyDump, failure: unknown): Promise<void> {
    try {
      const client = await this.#lastingClient();
      await emptyDatabase(client);
      await client.change(safety.read());
    } catch (cause) {
      throw explained(
        failure,
        `The old content could not be put back (${LowtideError.from(cause).message}); it is in ${safety.path}`,
        `Once the server is well again: empty the database, and load that file with the program mariadb.`,
      );
    }
  }

  /** For work that has to be done even though the restore was given up. */
  async #lastingClient(): Promise<MysqlClient> {
    return await openClient(this.#connection, this.#options.scratch, new AbortController().signal);
  }
}

/** The database could not be emptied, and is as it was. */
class NothingDropped extends Error {
  constructor(cause: unknown) {
    super('nothing was dropped', { cause });
  }
}

/** Never `verification_failed`: no other copy may be tried on a database that is in pieces. */
function explained(failure: unknown, what: string, hint?: string): LowtideError {
  const { message } = LowtideError.from(failure);
  return new LowtideError('restore_failed', `${message}. ${what}`, {
    ...(hint !== undefined && { hint }),
    cause: failure,
  });
}
