import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { toRfc3339 } from '../units/instant.ts';
import type { Clock } from '../clock/clock.ts';

export const databaseName = 'shop.db';
export const documentsName = 'documents';

const changeEveryMs = 5000;
const goods = ['anchor', 'compass', 'lantern', 'rope', 'sail', 'sextant'];

/** Something to back up, for whoever tries Lowtide out: a SQLite database with orders, and a folder with notes on them. */
export class ExampleData {
  readonly #database: string;
  readonly #documents: string;

  private constructor(folder: string) {
    this.#database = join(folder, databaseName);
    this.#documents = join(folder, documentsName);
  }

  static async open(folder: string): Promise<ExampleData> {
    const data = new ExampleData(folder);
    await mkdir(data.#documents, { recursive: true });
    await writeFile(
      join(data.#documents, 'README.txt'),
      'Made by Lowtide for you to try it out. Change or delete what you like, and restore it.\n',
    );
    using database = data.#connect();
    database.exec(
      'CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL)',
    );
    await data.#change(toRfc3339(0));
    return data;
  }

  /** Adds an order, and a line about it, every few seconds. */
  async changeUntil(signal: AbortSignal, clock: Clock): Promise<void> {
    while (!signal.aborted) {
      await this.#change(toRfc3339(clock.now()));
      await clock.wakeAt(clock.now() + changeEveryMs, signal).catch(() => undefined);
    }
  }

  async #change(at: string): Promise<void> {
    using database = this.#connect();
    const count = Number(database.prepare('SELECT count(*) AS count FROM orders').get()?.['count']);
    const what = goods[count % goods.length] ?? 'nothing';
    database.prepare('INSERT INTO orders (at, what) VALUES (?, ?)').run(at, what);
    await appendFile(join(this.#documents, `${what}.txt`), `${at} order ${count + 1}\n`);
  }

  #connect(): DatabaseSync {
    const database = new DatabaseSync(this.#database, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL');
    return database;
  }
}
