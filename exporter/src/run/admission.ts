import type { Config, ScheduleConfig } from '../config/schema.ts';
import type { Limits, WayLimit, Ways } from '../schedule/limits.ts';

type Resources = ScheduleConfig['resources'];

/** Sums of tenths are not exact. */
const tolerance = 1e-9;

/** Whether a run fits beside those that are going on. Alone, every run does. */
export function mayStart(wanted: Resources, running: readonly Resources[]): boolean {
  if (running.length === 0) return true;
  return (['cpu', 'memory'] as const).every(
    (resource) => running.reduce((sum, each) => sum + each[resource], wanted[resource]) <= 1 + tolerance,
  );
}

/** What runs share, as it is configured. */
export function limitsOf({
  stores,
  networks,
  servers,
}: Pick<Config, 'stores' | 'networks' | 'servers'>): Limits {
  const ways = (all: Readonly<Record<string, ConfiguredWay>>): Readonly<Record<string, WayLimit>> =>
    Object.fromEntries(
      Object.entries(all).flatMap(([name, { streams, bandwidth }]) =>
        streams === undefined && bandwidth === undefined
          ? []
          : [
              [
                name,
                { ...(streams !== undefined && { streams }), ...(bandwidth !== undefined && { bandwidth }) },
              ],
            ],
      ),
    );
  const counted = Object.entries(servers).flatMap(([name, { dumps }]) =>
    dumps === undefined ? [] : [[name, { dumps }] as const],
  );
  return { stores: ways(stores), networks: ways(networks), servers: Object.fromEntries(counted) };
}

interface ConfiguredWay {
  readonly streams?: number | undefined;
  readonly bandwidth?: number | undefined;
}

/** As `run:deferred` has it. */
export type FullWay = 'store' | 'network' | 'server';

/** What has no room for one more run beside those that go on. Alone, every run has; undefined: nothing is in its way. */
export function fullWay(
  wanted: Ways,
  running: readonly Ways[],
  { stores = {}, networks = {}, servers = {} }: Limits,
): FullWay | undefined {
  const isFullStore = (store: string): boolean =>
    isFull(
      stores[store],
      wanted,
      running.filter((run) => run.stores.includes(store)),
    );
  if (wanted.stores.some(isFullStore)) return 'store';
  const { network, server } = wanted;
  if (network !== undefined) {
    const others = running.filter((run) => run.network === network);
    if (isFull(networks[network], wanted, others)) return 'network';
  }
  if (server !== undefined) {
    const dumps = running.filter((run) => run.server === server).length;
    if (dumps >= (servers[server]?.dumps ?? Infinity)) return 'server';
  }
  return undefined;
}

function isFull(
  { streams = Infinity, bandwidth = Infinity }: WayLimit = {},
  wanted: Ways,
  running: readonly Ways[],
): boolean {
  if (running.length === 0) return false;
  if (running.length >= streams) return true;
  const sent = [wanted, ...running].reduce((sum, { bytesPerSecond = 0 }) => sum + bytesPerSecond, 0);
  // One of which nothing is known, or which sends nothing, is in nobody's way.
  return (wanted.bytesPerSecond ?? 0) > 0 && sent > bandwidth * (1 + tolerance);
}
