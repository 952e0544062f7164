import type { HostDetails, HostSummary, KnownHost } from '../fleet/fleet.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Host } from './contract.ts';

/** A host as others see it; the `--json` of the command line is made of the same. */
export function hostView(
  { instance, state, version, address, pools, sinceHeardMs, isPlanner }: KnownHost,
  self: string,
  summaries: ReadonlyMap<string, HostSummary>,
): Host {
  const summary = summaries.get(instance);
  return {
    instance,
    state,
    version,
    address,
    pools: [...pools],
    lastSeenSeconds: Math.max(0, sinceHeardMs / 1000),
    isSelf: instance === self,
    isPlanner,
    ...(summary !== undefined && {
      // Who has left had ended all its runs, which it had no time to tell.
      summary: summaryView(state === 'left' ? { ...summary, running: 0 } : summary),
    }),
  };
}

/** One whose state is a folder: it plans for itself, and nobody else can have heard of it. */
export function loneHost(
  host: Pick<HostDetails, 'instance' | 'version' | 'address'>,
  summary: HostSummary,
): Host {
  const { instance, version, address } = host;
  return {
    instance,
    state: 'alive',
    version,
    address,
    pools: [],
    lastSeenSeconds: 0,
    isSelf: true,
    isPlanner: true,
    summary: summaryView(summary),
  };
}

function summaryView({
  schedules,
  paused,
  running,
  lastSuccessAt,
}: HostSummary): NonNullable<Host['summary']> {
  return {
    schedules,
    paused,
    running,
    ...(lastSuccessAt !== undefined && { lastSuccessAt: toRfc3339(lastSuccessAt) }),
  };
}
