import type { Config } from '../../config/schema.ts';
import type { WaysInUse } from '../../fleet/fleet.ts';
import type { FullWay } from '../../run/admission.ts';
import type { Limits, WayLimit, Ways } from '../../schedule/limits.ts';

/**
 * What of a host's limits is its own: the folders in which it has its stores, each of them, also where it has no limit. A store
 * elsewhere, a network and a server are what other hosts call by that name as well.
 */
export function ownAndShared(
  stores: Config['stores'],
  limits: Limits,
): { readonly limits: Limits; readonly shared: Limits } {
  const isOwn = (name: string): boolean => stores[name]?.type === 'directory';
  const ways = Object.entries(limits.stores ?? {});
  const folders = Object.keys(stores).filter(isOwn);
  return {
    limits: { stores: Object.fromEntries(folders.map((name) => [name, limits.stores?.[name] ?? {}])) },
    shared: { ...limits, stores: Object.fromEntries(ways.filter(([name]) => !isOwn(name))) },
  };
}

/** What of a run other hosts have to do with as well, and what this one says of that; undefined: nothing. */
export function sharedUse(run: Ways, stores: Config['stores'], limits: Limits): WaysInUse | undefined {
  const { network, server } = run;
  const shared = run.stores.filter((name) => stores[name]?.type !== 'directory');
  if (shared.length === 0 && network === undefined && server === undefined) return undefined;
  return {
    ways: { ...run, stores: shared },
    limits: {
      stores: only(limits.stores, shared),
      networks: only(limits.networks, network === undefined ? [] : [network]),
      servers: only(limits.servers, server === undefined ? [] : [server]),
    },
  };
}

/** The part of it that has no room. */
export function partOf({ ways, limits }: WaysInUse, full: FullWay): WaysInUse {
  const { stores, network, server, bytesPerSecond } = ways;
  return {
    ways: {
      stores: full === 'store' ? stores : [],
      ...(full === 'network' && network !== undefined && { network }),
      ...(full === 'server' && server !== undefined && { server }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    },
    limits,
  };
}

function only<T>(all: Readonly<Record<string, T>> = {}, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

/** Where hosts say different things of what they share, the least of it counts. */
export function leastOf(told: readonly Limits[]): Limits {
  const stores: Record<string, WayLimit> = {};
  const networks: Record<string, WayLimit> = {};
  const servers: Record<string, { dumps?: number }> = {};
  for (const limits of told) {
    narrow(stores, limits.stores);
    narrow(networks, limits.networks);
    narrow(servers, limits.servers);
  }
  return { stores, networks, servers };
}

function narrow<T extends object>(least: Record<string, T>, told: Readonly<Record<string, T>> = {}): void {
  for (const [name, limit] of Object.entries(told)) {
    const known: Record<string, number> = { ...least[name] };
    for (const [key, most] of Object.entries(limit as Record<string, number>)) {
      known[key] = Math.min(known[key] ?? Infinity, most);
    }
    least[name] = known as T;
  }
}
