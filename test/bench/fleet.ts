import { parseArgs } from 'node:util';
import { createLog } from '../../exporter/src/service/log.ts';
import { startPostgres } from '../servers/postgres.ts';
import { Calls, connections } from './fleet/calls.ts';
import { collisionsOf, judge } from './fleet/law.ts';
import { costliest, serverUse, since } from './fleet/server-use.ts';
import { measureServices } from './fleet/services.ts';
import { simulate, type Simulated } from './fleet/simulation.ts';
import { bytesPerSecond, dayMs, hourMs, makeWorld } from './fleet/world.ts';

/**
 * Many hosts with many schedules on one PostgreSQL, day after day at many times the speed: the planner, the claims, the queue's SQL
 * and the tables of the fleet are those of the service; hosts die and come back, some clocks are off, runs take longer than was
 * expected, and all share a bucket and a network. At the end: every occurrence ran exactly once, or is reported with a reason.
 * `node test/bench/fleet.ts [--hosts 40] [--schedules 20] [--days 3] [--every 15] [--minutes 1.2] [--services 12]
 * [--statements]`; the full size is `--hosts 1000 --days 30 --every 60`, which `--minutes` cuts short: a day of it takes some two
 * minutes of each of two cores that nobody else uses. `--every`: the minutes between two beats of the hosts and of their claims, and
 * between two plans; what begins between them goes through the queue all the same. A call is timed from when it has a connection, of
 * which there are a few for all hosts; how long claims take while 200 wait for them, test/bench/queue.ts says. Then real services wait
 * for their next backup, as most do most of the time: what that costs the PostgreSQL.
 */
const { values: given } = parseArgs({
  options: {
    hosts: { type: 'string', default: '40' },
    schedules: { type: 'string', default: '20' },
    days: { type: 'string', default: '3' },
    every: { type: 'string', default: '15' },
    /** One of them plans for all, which is not what each costs: few would make that look large. */
    services: { type: 'string', default: '12' },
    minutes: { type: 'string', default: '1.2' },
    statements: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const size = {
  hosts: Number(given.hosts),
  schedules: Number(given.schedules),
  days: Number(given.days),
};
const goals: Readonly<Record<string, { readonly of: 'p99' | 'max'; readonly ms: number }>> = {
  'plan from scratch': { of: 'max', ms: 10_000 },
  'plan, new step of the forecast': { of: 'max', ms: 10_000 },
  'plan, some hosts changed': { of: 'max', ms: 1000 },
  'queue.claim': { of: 'p99', ms: 100 },
};

/** Of one core of PostgreSQL, for 1,000 hosts. */
const goalOfServer = 0.5;

const calls = new Calls(connections);
const log = createLog({
  level: given.verbose ? 'debug' : 'error',
  format: 'logfmt',
  redact: (text) => text,
  write: (line) => process.stdout.write(line),
});
const world = await makeWorld(size);
/** The database's load is to be that of production. */
const settings = { fsync: 'on', shared_buffers: '256MB', shared_preload_libraries: 'pg_stat_statements' };
await using server = await startPostgres(() => settings);
server.query('CREATE EXTENSION pg_stat_statements');
console.log(
  `${size.hosts} hosts with ${size.schedules} schedules each, ${size.days} days; the loads of ${world.traces} hosts; ` +
    `${world.limits.bucketStreams} streams to the bucket, ${(world.limits.networkBytes / 1e6).toFixed(0)} MB/s of network`,
);
const before = serverUse(server);
const began = performance.now();
let day = began;
/** Of one core of the server, for 1,000 hosts, at the rhythm of the simulation. */
let runningShare = 0;
await simulate({
  server,
  world,
  days: size.days,
  calls,
  everyMs: Number(given.every) * 60_000,
  log,
  longestMs: Number(given.minutes) * 60_000,
  onDay: (number) => {
    const seconds = (performance.now() - day) / 1000;
    day = performance.now();
    console.log(
      `day ${number}: ${seconds.toFixed(0)} s, ${(dayMs / 1000 / seconds).toFixed(0)} times as fast`,
    );
  },
  judge: report,
});

await reportServices();

/** What waiting costs: the part that the simulation leaves out, since its beats are further apart. */
async function reportServices(): Promise<void> {
  const services = Number(given.services);
  if (services === 0) return;
  await using own = await startPostgres(() => settings);
  own.query('CREATE EXTENSION pg_stat_statements');
  const use = await measureServices({
    ...{ server: own, services, schedules: size.schedules, seconds: 30, speed: 10, log },
  });
  const waiting = use.cores * 1000;
  console.log(
    `${services} services that wait for the next backup: ${use.transactionsPerSecond.toFixed(2)} transactions a second each, ` +
      `${(use.walBytesPerDay / 1e6).toFixed(1)} MB WAL a day, ${use.connections.toFixed(1)} connections`,
  );
  console.log(
    `1,000 hosts: ${percent(waiting)} of a core for waiting and ${percent(runningShare)} for what is planned and run, ` +
      `${((waiting + runningShare) / goalOfServer).toFixed(2)}x of the goal of ${percent(goalOfServer)}`,
  );
  if (given.statements) for (const line of costliest(own, 15)) console.log(`  ${line}`);
}

async function report(simulated: Simulated, queue: Parameters<typeof judge>[1]): Promise<void> {
  const { hosts, until, mostMisfits } = simulated;
  const days = (until - world.start) / dayMs;
  console.log(`${days.toFixed(2)} days in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  printCalls();
  const use = since(before, server);
  const rows = server.query('SELECT count(*) FROM lowtide_jobs.job');
  const ended = hosts.flatMap(({ records }) => records.ofRuns);
  console.log(
    `PostgreSQL: ${(use.cpuSeconds / days).toFixed(1)} s CPU and ${(use.walBytes / days / 1e6).toFixed(0)} MB WAL a simulated day, at the rhythm of the simulation; ${rows} rows of jobs, ${server.query('SELECT pg_size_pretty(pg_database_size(current_database()))')}`,
  );
  runningShare = ((use.cpuSeconds / days / 86_400) * 1000) / size.hosts;
  if (given.statements) for (const line of costliest(server, 25)) console.log(`  ${line}`);

  // What was due in the first hour, a host whose clock is ahead has never seen coming: a schedule that is new has missed nothing.
  const verdict = await judge(hosts, queue, { from: world.start + hourMs, until });
  const { broken, missed, occurrences, ranOnce, interrupted } = verdict;
  console.log(
    `${ended.length} runs, ${interrupted} of them cut off; ${occurrences} occurrences are over: ${ranOnce} ran once, ${occurrences - ranOnce - broken.length - verdict.waiting} were missed, ${verdict.waiting} wait for room behind their deadline`,
  );
  for (const [reason, count] of [...missed].sort((a, b) => b[1] - a[1]))
    console.log(`  missed, ${reason}: ${count}`);
  console.log(`at most ${mostMisfits} jobs of a plan found no room in time`);
  const schedules = new Map(
    hosts.flatMap(({ world: { config } }) =>
      config.schedules.map((each) => [`${config.instance} ${each.id}`, each]),
    ),
  );
  const of = (isOn: (store: readonly string[], network: string | undefined) => boolean, amount: number) =>
    ended
      .filter(({ host, schedule }) => {
        const { stores = [], network } = schedules.get(`${host} ${schedule}`) ?? {};
        return isOn(stores, network);
      })
      .map(({ from, until: to }) => ({ from, until: to, amount }));
  const shared = {
    'streams of the bucket': collisionsOf(
      of((stores) => stores.includes('bucket'), 1),
      world.limits.bucketStreams,
    ),
    'bandwidth of the network': collisionsOf(
      of((_, network) => network === 'wan', bytesPerSecond),
      world.limits.networkBytes,
    ),
  };
  for (const [name, { moments, minutes, most }] of Object.entries(shared)) {
    console.log(
      `${name}: ${moments} times more than there are, ${minutes.toFixed(0)} minutes in all; at most ${(100 * most).toFixed(0)} % of the limit`,
    );
  }
  for (const line of broken.slice(0, 20)) console.log(`BROKEN: ${line}`);
  console.log(
    broken.length === 0
      ? 'the law holds: each ran exactly once, or is reported with a reason'
      : `the law is broken ${broken.length} times`,
  );
  if (broken.length > 0 || occurrences === 0) process.exitCode = 1;
}

function printCalls(): void {
  console.log(`${''.padEnd(34)}${['calls', 'p50', 'p99', 'max'].map((head) => head.padStart(11)).join('')}`);
  for (const name of calls.names()) {
    const spread = calls.of(name);
    const figures = [spread.p50, spread.p99, spread.max]
      .map((ms) => `${ms.toFixed(1)} ms`.padStart(11))
      .join('');
    const goal = goals[name];
    const toGoal =
      goal === undefined
        ? ''
        : `   ${goal.of} ${(spread[goal.of] / goal.ms).toFixed(2)}x of the goal of ${goal.ms} ms`;
    console.log(`${name.padEnd(34)}${String(spread.count).padStart(11)}${figures}${toGoal}`);
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
