import { TestClock } from 'pg-boss';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPostgres, type Postgres } from '../../exporter/src/postgres/postgres.ts';
import { openPgBossQueue } from '../../exporter/src/queue/pg-boss.ts';
import { queueConformance } from '../conformance/queue.ts';
import { eventually } from '../servers/eventually.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

queueConformance('pg-boss', () => {
  databases += 1;
  const database = `queue_${databases}`;
  server.query(`CREATE DATABASE ${database}`);
  const clock = new TestClock(Date.UTC(2026, 10, 1, 12));
  const opened: AsyncDisposable[] = [];
  return Promise.resolve({
    async open() {
      const url = `${server.url(database)}?options=${encodeURIComponent('-c pgboss.test_clock=on')}`;
      const postgres: Postgres = openPostgres(url, { applicationName: 'lowtide test' });
      opened.unshift(postgres);
      const queue = await openPgBossQueue(postgres, clock);
      opened.unshift(queue);
      return queue;
    },
    now: () => clock.now(),
    step: (ms: number) => clock.setTime(clock.now() + ms),
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each[Symbol.asyncDispose]();
    },
  });
});

it('is made by the first of many hosts that open it at once', async () => {
  const database = 'queue_of_many';
  server.newDatabase(database);
  const hosts = Array.from({ length: 6 }, () =>
    openPostgres(server.url(database), { applicationName: 'lowtide test' }),
  );
  const missing = new Set<Postgres>();
  let makers = 0;
  /** Holds up who is about to make it, until each of them has seen that it is not there. */
  const heldUp = (postgres: Postgres): Postgres => ({
    label: postgres.label,
    read: (work, scope) => postgres.read(work, scope),
    write: (work, scope) =>
      postgres.write(
        (transaction) =>
          work({
            opening: transaction.opening,
            get: (sql, ...values) => transaction.get(sql, ...values),
            all: (sql, ...values) => transaction.all(sql, ...values),
            run: (sql, ...values) => transaction.run(sql, ...values),
            async native(sql, values) {
              if (sql.includes('CREATE SCHEMA')) {
                makers += 1;
                await eventually(() => expect(missing.size).toBe(hosts.length));
              }
              const answer = await transaction.native(sql, values);
              if (sql.includes('to_regclass')) missing.add(postgres);
              return answer;
            },
          }),
        scope,
      ),
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  });
  const queues = await Promise.all(hosts.map((postgres) => openPgBossQueue(heldUp(postgres))));
  expect(makers).toBe(1);
  for (const queue of queues) await queue[Symbol.asyncDispose]();
  for (const postgres of hosts) await postgres[Symbol.asyncDispose]();
});

it('gets what it lacks from one that an earlier version has made', async () => {
  const database = 'queue_of_before';
  server.newDatabase(database);
  await using postgres = openPostgres(server.url(database), { applicationName: 'lowtide test' });
  const indexes = (): string =>
    server.query(
      `SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes
       WHERE schemaname = 'lowtide_jobs' AND indexname IN ('job_taken', 'job_completed')`,
      database,
    );
  await (await openPgBossQueue(postgres))[Symbol.asyncDispose]();
  server.query(
    'DROP INDEX lowtide_jobs.job_taken, lowtide_jobs.job_completed; UPDATE lowtide_jobs.lowtide_schema SET version = 1',
    database,
  );
  expect(indexes()).toBe('');
  await (await openPgBossQueue(postgres))[Symbol.asyncDispose]();
  expect(indexes()).toBe('job_completed job_taken');
});

it('is made at once by many that have hardly a connection between them', async () => {
  server.newDatabase('queue_of_few');
  await using postgres = openPostgres(server.url('queue_of_few'), {
    applicationName: 'lowtide test',
    maxConnections: 2,
  });
  const queues = await Promise.all(Array.from({ length: 6 }, () => openPgBossQueue(postgres)));
  for (const queue of queues) await queue[Symbol.asyncDispose]();
});
