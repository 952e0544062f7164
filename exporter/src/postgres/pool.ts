import { LowtideError } from '../errors/lowtide-error.ts';
import type { Connection } from './connect.ts';

type Pooled = Pick<Connection, 'lost' | 'destroy' | 'client'>;

export interface PoolOptions<C> {
  readonly max: number;
  /** How long to wait for a connection while all are in use. */
  readonly waitMs: number;
  /** A connection that nobody has used for so long is closed: each is a process of a server that many share. */
  readonly idleMs: number;
  connect(): Promise<C>;
}

/**
 * Connections that are lent out and come back. pg's own pool knows one host, and keeps the idle companions of a connection
 * that was found dead, each of which would have to be waited for in turn.
 */
export class Pool<C extends Pooled> implements AsyncDisposable {
  readonly #options: PoolOptions<C>;
  readonly #idle: { readonly connection: C; readonly timer: NodeJS.Timeout }[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #emptied: (() => void)[] = [];
  #lent = 0;
  #isClosed = false;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  /** Rejects with what `connect` says, or `state_busy`. */
  async acquire(): Promise<C> {
    if (this.#lent >= this.#options.max) await this.#turn();
    else this.#lent += 1;
    try {
      if (this.#isClosed) throw new LowtideError('stopping', 'the state has been closed');
      return this.#takeIdle() ?? (await this.#options.connect());
    } catch (error) {
      this.#giveBack();
      throw error;
    }
  }

  release(connection: C): void {
    if (connection.lost || this.#isClosed) {
      farewell(connection);
    } else {
      const timer = setTimeout(() => {
        this.#idle.splice(
          this.#idle.findIndex((each) => each.connection === connection),
          1,
        );
        farewell(connection);
      }, this.#options.idleMs);
      this.#idle.push({ connection, timer: timer.unref() });
    }
    this.#giveBack();
  }

  /** For a connection that was found dead: the idle ones lead to the same server and are not trusted any more. */
  discard(connection: C): void {
    connection.destroy();
    for (const { connection: each, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      each.destroy();
    }
    this.#giveBack();
  }

  /** Waits for those that are lent out, which the timeouts bound. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { connection, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      farewell(connection);
    }
    if (this.#lent > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  #takeIdle(): C | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      clearTimeout(last.timer);
      if (!last.connection.lost) return last.connection;
      last.connection.destroy();
    }
    return undefined;
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        reject(
          new LowtideError('state_busy', `all ${this.#options.max} connections to the state are in use`, {
            retryable: true,
          }),
        );
      }, this.#options.waitMs);
      this.#waiting.push(next);
    });
  }

  /** The place goes to who has waited longest. */
  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#lent -= 1;
    if (this.#lent === 0) for (const resolve of this.#emptied.splice(0)) resolve();
  }
}

/** Politely, so that the server logs no loss; a server that does not take the farewell is not waited for. */
function farewell(connection: Pooled): void {
  const impatience = setTimeout(() => connection.destroy(), 1000);
  connection.client
    .end()
    .catch(() => undefined)
    .finally(() => {
      clearTimeout(impatience);
      connection.destroy();
    });
}
