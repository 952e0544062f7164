import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';
import type { HostLoads, LoadHistory, LoadRecord } from './load.ts';
import type { HighWater } from './past-load.ts';

/** What is on record of this host, or of one under load.hosts, in steps of five minutes. */
export async function recordsOf(
  { load, hostLoads }: { readonly load: LoadHistory; readonly hostLoads: HostLoads },
  host: string | undefined,
  from: EpochMs,
  until: EpochMs,
): Promise<readonly LoadRecord[]> {
  return host === undefined
    ? await load.records('coarse', from, until)
    : await hostLoads.records(host, from, until);
}

/** Throws `not_found` for a host that the config does not name. */
export function requireHost({ hosts }: Config['load'], host: string | undefined): void {
  if (host === undefined || Object.hasOwn(hosts, host)) return;
  throw new LowtideError('not_found', `the config names no host ${host}`, {
    hint: `It has: ${Object.keys(hosts).join(', ') || 'none, under load.hosts'}.`,
  });
}

/** Above what it counts as busy; that of this host where the config has none of that name. */
export function highWaterOf(
  { high_water: here, hosts }: Config['load'],
  host: string | undefined,
): HighWater {
  return hosts[host ?? '']?.high_water ?? here;
}
