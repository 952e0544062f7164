import { setTimeout } from 'node:timers/promises';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';
import { openPgBossQueue } from '../../exporter/src/queue/pg-boss.ts';
import type { Offer } from '../../exporter/src/queue/queue.ts';
import { startPostgres } from '../servers/postgres.ts';

/**
 * Claiming from the queue in PostgreSQL by 200 workers, beside a peer that does the least: `select 1` in a transaction on the
 * same connections. Each offers what it claims, as hosts do. Steadily: each asks every four seconds. At once: all ask, and ask again as
 * soon as they have an answer. Half of the jobs are a pool's, which are one queue for all. Times include the wait for a connection.
 * `node test/bench/queue.ts [CONNECTIONS]`.
 */
const workers = 200;
const jobsEach = 10;
const periodMs = 4000;
const connections = Number(process.argv[2] ?? 20);

type Ask = (worker: number) => Promise<unknown>;

async function timed(ask: Ask, worker: number): Promise<number> {
  const before = performance.now();
  await ask(worker);
  return performance.now() - before;
}

/** Milliseconds of each call, sorted. */
async function time(ask: Ask, pauseMs: number): Promise<number[]> {
  const times = await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      const own: number[] = [];
      await setTimeout((pauseMs * worker) / workers);
      for (let turn = 0; turn < 4; turn += 1) {
        const took = await timed(ask, worker);
        own.push(took);
        await setTimeout(Math.max(0, pauseMs - took));
      }
      return own;
    }),
  );
  return times.flat().sort((a, b) => a - b);
}

function print(name: string, times: readonly number[], peer: readonly number[]): void {
  const at = (all: readonly number[], share: number): number => all[Math.floor(all.length * share)] ?? NaN;
  const figures = [0.5, 0.99].map((share) => `${at(times, share).toFixed(1)} ms`.padStart(10)).join('');
  console.log(`${name.padEnd(36)}${figures}  ${(at(times, 0.5) / at(peer, 0.5)).toFixed(1)}x of select 1`);
}

await using server = await startPostgres();
await using postgres = openPostgres(server.url(), {
  applicationName: 'lowtide bench',
  maxConnections: connections,
});
await using queue = await openPgBossQueue(postgres);

const now = Date.now();
const offers: Offer[] = Array.from({ length: workers * jobsEach }, (_, index) => ({
  owner: index % 2 === 0 ? { pool: 'all' } : { host: `host-${Math.floor(index / 2) % workers}` },
  schedule: `schedule-${index}`,
  dueAt: now,
  slot: now - 60_000,
  deadline: now + (60 + (index % 60)) * 60_000,
  priority: index % 4,
  attempts: 3,
}));
const before = performance.now();
await queue.offer(offers);
console.log(
  `offered ${offers.length} in ${(performance.now() - before).toFixed(0)} ms; ${connections} connections`,
);
console.log(`${''.padEnd(36)}       p50       p99`);

const ofPool = offers.filter(({ owner }) => 'pool' in owner);
const ofHost = Map.groupBy(offers, ({ owner }) => ('host' in owner ? owner.host : ''));
const turns = new Map<number, number>();
const tokens: string[] = [];
const claim: Ask = async (worker) => {
  const instance = `host-${worker}`;
  const turn = turns.get(worker) ?? 0;
  turns.set(worker, turn + 1);
  const next = Math.floor(turn / 2);
  const offer = turn % 2 === 0 ? ofHost.get(instance)?.[next] : ofPool[worker + next * workers];
  if (offer === undefined) throw new Error(`there is nothing left for ${instance}`);
  const claims = await queue.claim({ instance, pools: ['all'] }, 1, [offer]);
  if (claims.length !== 1) throw new Error(`${offer.schedule} could not be claimed`);
  tokens.push(...claims.map(({ schedule }) => schedule));
};
const selectOne: Ask = () => postgres.write((transaction) => transaction.get('SELECT 1 AS one'));
// Each worker's first claim makes sure of its queue.
for (let worker = 0; worker < workers; worker += 1) await claim(worker);
for (const [name, pauseMs] of [
  ['steadily', periodMs],
  ['at once', 0],
] as const) {
  const peer = await time(selectOne, pauseMs);
  print(`claim, ${workers} workers ${name}`, await time(claim, pauseMs), peer);
}
const doubles = tokens.length - new Set(tokens).size;
console.log(`${tokens.length} claimed, ${doubles} twice`);
if (doubles > 0) process.exitCode = 1;
