import type { Config, ScheduleConfig } from '../config/schema.ts';

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

/** How many runs may write to a store at once; one that is not named takes any number. */
export type StoreStreams = Readonly<Record<string, number>>;

export function streamsOf(stores: Config['stores']): StoreStreams {
  return Object.fromEntries(
    Object.entries(stores).flatMap(([name, { streams }]) => (streams === undefined ? [] : [[name, streams]])),
  );
}

/** Whether each of its stores takes one more run beside those that write to it. */
export function storesTake(
  stores: readonly string[],
  running: readonly { readonly stores: readonly string[] }[],
  streams: StoreStreams,
): boolean {
  return stores.every((store) => {
    const most = streams[store] ?? Infinity;
    return running.filter((run) => run.stores.includes(store)).length < most;
  });
}
