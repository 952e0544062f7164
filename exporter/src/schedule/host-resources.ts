import type { EpochMs } from '../units/instant.ts';
import type { FleetHost } from './fleet.ts';
import type { SharedResources } from './limits.ts';
import type { Claim, PlacementProblem } from './placement-problem.ts';
import { loadWeights, occupy, type GridLoad, type SlotGrid } from './slot-grid.ts';

/** Of hosts and of what they share, in the order of their places. */
export type Taken = Required<Pick<PlacementProblem, 'resources' | 'shared'>>;

export interface Takers {
  readonly now: EpochMs;
  readonly grid: SlotGrid;
  readonly hosts: readonly (FleetHost & { readonly instance: string })[];
  /** Of all hosts, end to end; undefined: as if they did nothing by themselves. */
  readonly load: GridLoad | undefined;
  readonly resources: SharedResources;
}

/** What there is, and what of it is taken before anything is planned: by the hosts themselves, and by what runs. */
export function resourcesOf({ now, grid, hosts, load, resources }: Takers): Taken {
  const cpu = ownOf(load?.cpu, 'cpu', grid, hosts);
  const memory = ownOf(load?.memory, 'memory', grid, hosts);
  const taken: { readonly claim: Claim; readonly until: EpochMs }[] = [];
  for (const [index, { instance, running = [], limits }] of hosts.entries()) {
    const at = index * grid.slots;
    for (const run of running) {
      const { until } = run;
      occupy(grid, cpu, run.resources.cpu, { from: now, until, at });
      occupy(grid, memory, run.resources.memory, { from: now, until, at });
      for (const claim of resources.claims(run, instance, limits)) taken.push({ claim, until });
    }
  }
  const shared = resources.list.map(({ capacity }) => ({ base: new Float64Array(grid.slots), capacity }));
  for (const { claim, until } of taken) {
    const base = shared[claim.resource]?.base;
    if (base !== undefined) occupy(grid, base, claim.amount, { from: now, until });
  }
  const capacityOf = (name: 'cpu' | 'memory'): Float64Array =>
    Float64Array.from(hosts, ({ capacity }) => capacity?.[name] ?? 1);
  return {
    resources: [
      { base: cpu, capacity: capacityOf('cpu'), loadWeight: loadWeights.cpu },
      { base: memory, capacity: capacityOf('memory'), loadWeight: loadWeights.memory },
    ],
    shared,
  };
}

/** What hosts take by themselves: so much of their load as was seen of a day. */
function ownOf(
  load: Float64Array | undefined,
  name: 'cpu' | 'memory',
  { slots }: SlotGrid,
  hosts: Takers['hosts'],
): Float64Array {
  if (load === undefined) return new Float64Array(hosts.length * slots);
  const own = load.slice();
  for (const [index, host] of hosts.entries()) {
    const seen = host.load.seen?.[name] ?? 1;
    const end = (index + 1) * slots;
    for (let at = index * slots; seen < 1 && at < end; at += 1) own[at] = (own[at] ?? 0) * seen;
  }
  return own;
}
