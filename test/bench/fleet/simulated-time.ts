import { setImmediate } from 'node:timers/promises';
import { TestClock } from 'pg-boss';
import type { Clock } from '../../../exporter/src/clock/clock.ts';
import { ManualClock } from '../../../exporter/src/clock/manual.ts';
import { openPostgres, type Postgres } from '../../../exporter/src/postgres/postgres.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import type { Calls } from './calls.ts';

/**
 * One time for all: of the hosts by manual clocks, some of which are off; of the queue by pg-boss' own test clock; of the fleet's
 * tables by a `clock_timestamp()` of the sessions, which finds the simulated one before PostgreSQL's.
 */
export class SimulatedTime {
  readonly #clock: ManualClock;
  readonly #control: Postgres;
  readonly queueClock: TestClock;

  private constructor(start: number, control: Postgres) {
    this.#clock = new ManualClock(start);
    this.#control = control;
    this.queueClock = new TestClock(start);
  }

  static begin(start: number, server: PostgresServer): SimulatedTime {
    server.query(`CREATE SCHEMA simulated;
      CREATE UNLOGGED TABLE simulated.clock (now timestamptz NOT NULL) WITH (fillfactor = 10);
      INSERT INTO simulated.clock VALUES (to_timestamp(${start / 1000}));
      CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        AS 'SELECT now FROM simulated.clock';`);
    const control = openPostgres(server.url(), { applicationName: 'lowtide bench clock', maxConnections: 1 });
    return new SimulatedTime(start, control);
  }

  /** For sessions to which it is as late as here. By the socket: of the ways there it takes the least of this machine. */
  static url(server: PostgresServer): string {
    const options = '-c search_path=simulated,pg_catalog -c pgboss.test_clock=on';
    return `${server.url()}?host=${encodeURIComponent(server.socketFolder)}&options=${encodeURIComponent(options)}`;
  }

  get now(): number {
    return this.#clock.now();
  }

  /** That of a host which is off by so much. */
  clockOf(skewMs: number): Clock {
    return {
      now: () => this.#clock.now() + skewMs,
      wakeAt: (at, signal) => this.#clock.wakeAt(at - skewMs, signal),
    };
  }

  /** Goes on to a moment: who sleeps until then is awake once this resolves, and has done what there was to do. */
  async goTo(at: number, calls: Calls): Promise<void> {
    await this.queueClock.setTime(at);
    await this.#control.write((transaction) =>
      transaction.run(`UPDATE simulated.clock SET now = to_timestamp(?)`, at / 1000),
    );
    this.#clock.set(at);
    await settled(calls);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control[Symbol.asyncDispose]();
  }
}

/** Resolves once nothing is asked of the database any more, and nobody has anything else to do than to wait for the clock. */
export async function settled(calls: Calls): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await setImmediate();
    if (calls.inFlight === 0) continue;
    await calls.idle();
    quiet = -1;
  }
}
