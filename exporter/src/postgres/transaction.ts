import pg from 'pg';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Connection } from './connect.ts';
import { numbered } from './sql-text.ts';
import type { NativeTransaction, Row, SqlValue } from './postgres.ts';
import { isLoss, postgresRefusal } from './refusal.ts';
import { written } from './values.ts';

/** The statements of one transaction on one connection; who began it ends it. */
export class OpenTransaction implements NativeTransaction {
  readonly opening: Row | undefined;
  readonly #connection: Connection;
  readonly #label: string;
  #isOpen = true;

  constructor(connection: Connection, label: string, opening?: Row) {
    this.opening = opening;
    this.#connection = connection;
    this.#label = label;
  }

  async get(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return (await this.#query(sql, values)).rows[0];
  }

  async all(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return (await this.#query(sql, values)).rows;
  }

  async run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0;
  }

  async native(sql: string, values?: readonly unknown[]): Promise<{ rows: object[] }> {
    this.#refuseLate();
    try {
      return await this.#connection.client.query<object>({
        text: sql,
        ...(values === undefined ? {} : { values: [...values] }),
        types: pg.types,
      });
    } catch (error) {
      this.#connection.lost ||= isLoss(error);
      throw error;
    }
  }

  /** Whoever kept the transaction must not write into that of the next. */
  end(): void {
    this.#isOpen = false;
  }

  #refuseLate(): void {
    if (!this.#isOpen) throw new LowtideError('internal', 'a statement came after its transaction had ended');
  }

  async #query(
    sql: string,
    values: readonly SqlValue[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }> {
    this.#refuseLate();
    try {
      return await this.#connection.client.query<Row>(numbered(sql), values.map(written));
    } catch (error) {
      this.#connection.lost ||= isLoss(error);
      throw postgresRefusal(error, this.#label);
    }
  }
}
