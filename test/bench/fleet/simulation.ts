import { openFleet } from '../../../exporter/src/fleet/postgres-fleet.ts';
import { openPostgres } from '../../../exporter/src/postgres/postgres.ts';
import { openPgBossQueue } from '../../../exporter/src/queue/pg-boss.ts';
import type { Queue } from '../../../exporter/src/queue/queue.ts';
import type { FleetRequest } from '../../../exporter/src/schedule/fleet.ts';
import { planFleetDue } from '../../../exporter/src/schedule/plan-due.ts';
import type { Logger } from '../../../exporter/src/service/log.ts';
import type { PlanThread } from '../../../exporter/src/service/plan-thread.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { connections, timedFleet, timedQueue, type Calls } from './calls.ts';
import { SimulatedHost } from './host.ts';
import { settled, SimulatedTime } from './simulated-time.ts';
import { dayMs, hourMs, stepMs, type World } from './world.ts';

const reconcileEveryMs = 6 * hourMs;

export interface Simulated {
  readonly hosts: readonly SimulatedHost[];
  /** Until when it went. */
  readonly until: number;
  /** Of a plan, what was late or asked for more than there is: the most of it. */
  readonly mostMisfits: number;
}

export interface SimulationOptions {
  readonly server: PostgresServer;
  readonly world: World;
  readonly days: number;
  readonly calls: Calls;
  /** How far beats and plans are apart, a multiple of a step: in a service ten seconds, and a step. */
  readonly everyMs: number;
  readonly log: Logger;
  /** Ends sooner once so much time has gone by here. */
  readonly longestMs: number;
  readonly onDay: (day: number) => void;
  /** While all is still there. */
  readonly judge: (simulated: Simulated, queue: Queue) => Promise<void>;
}

/** Plays the world from its start, step by step. */
export async function simulate(options: SimulationOptions): Promise<void> {
  const { server, world, days, calls, everyMs, log, longestMs, onDay } = options;
  const began = performance.now();
  await using time = SimulatedTime.begin(world.start, server);
  await using postgres = openPostgres(SimulatedTime.url(server), {
    applicationName: 'lowtide bench',
    maxConnections: connections,
    timeouts: { connect: 120_000 },
  });
  await using engine = await openPgBossQueue(postgres, time.queueClock);
  const queue = timedQueue(engine, calls, everyMs, () => time.now);
  const fleet = timedFleet(await openFleet(postgres), calls, everyMs);
  let mostMisfits = 0;
  const thread: Pick<PlanThread, 'fleet'> = {
    fleet: (request) => {
      const started = process.cpuUsage();
      const plan = planFleetDue(request);
      const { user, system } = process.cpuUsage(started);
      calls.add(kindOf(request), (user + system) / 1000);
      mostMisfits = Math.max(mostMisfits, plan.misfits.length);
      return Promise.resolve([...plan.slots.values()].flat());
    },
  };
  const byName = new Map<string, SimulatedHost>();
  for (const each of world.hosts) {
    const host = new SimulatedHost(each, {
      ...{ fleet, queue, thread, log, clock: time.clockOf(each.skewMs) },
      now: () => time.now,
      recordsOf: (instance) => byName.get(instance)?.records,
    });
    byName.set(host.instance, host);
  }
  const hosts = [...byName.values()];
  const up = (): readonly SimulatedHost[] => hosts.filter(({ isUp }) => isUp);
  const end = world.start + days * dayMs;
  await inParallel(hosts, (host) => host.start());
  await settled(calls);
  let now = world.start;
  for (; now < end && performance.now() - began < longestMs;) {
    now += stepMs;
    await time.goTo(now, calls);
    await inParallel(hosts, (host) => liveOrDie(host, now));
    if ((now - world.start) % dayMs === 0) onDay((now - world.start) / dayMs);
    if ((now - world.start) % everyMs !== 0) continue;
    await inParallel(up(), (host) => host.beat());
    await inParallel(up(), (host) => host.askPools());
    // What the hosts expect has changed with the step: a plan of all; then what has begun and ended: the same, amended.
    for (let turn = 0; turn < 2; turn += 1) {
      await inParallel(up(), (host) => host.tell());
      await leaderOf(up()).look();
      const version = await newestVersion(fleet, up());
      await inParallel(up(), (host) => host.follow(version));
      await settled(calls);
    }
    // A service does it each minute; a few times a day is enough to find what there is to find, of some of them each time.
    const turns = Math.ceil(reconcileEveryMs / everyMs);
    await inParallel(
      up().filter((_, index) => index % turns === (now / everyMs) % turns),
      (host) => host.reconcile(),
    );
    await settled(calls);
  }
  await inParallel(
    hosts.filter(({ isUp }) => !isUp),
    (host) => host.start(),
  );
  await inParallel(hosts, (host) => host.reconcile());
  await settled(calls);
  await options.judge({ hosts, until: now, mostMisfits }, engine);
  for (const host of hosts) host.die();
  await settled(calls);
}

async function liveOrDie(host: SimulatedHost, now: number): Promise<void> {
  const isDead = host.world.deaths.some(({ from, until }) => from <= now && now < until);
  if (isDead && host.isUp) host.die();
  if (!isDead && !host.isUp) await host.start();
}

/** Who plans; where that one is dead, whoever comes first. */
function leaderOf(up: readonly SimulatedHost[]): SimulatedHost {
  const leader = up.find(({ isLeader }) => isLeader) ?? up[0];
  if (leader === undefined) throw new Error('no host is up');
  return leader;
}

async function newestVersion(
  fleet: ReturnType<typeof timedFleet>,
  [first]: readonly SimulatedHost[],
): Promise<number> {
  return first === undefined ? 0 : (await fleet.plan.read(first.instance)).version;
}

function kindOf({ previous, changed }: FleetRequest): string {
  if (previous === undefined || previous.size === 0) return 'plan from scratch';
  return changed === undefined ? 'plan, new step of the forecast' : 'plan, some hosts changed';
}

async function inParallel(
  hosts: readonly SimulatedHost[],
  work: (host: SimulatedHost) => Promise<void>,
): Promise<void> {
  await Promise.all(hosts.map(work));
}
