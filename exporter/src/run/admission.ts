import type { Config, ScheduleConfig } from '../config/schema.ts';
import type { Limits, WayLimit, Ways } from '../schedule/limits.ts';
import type { EpochMs } from '../units/instant.ts';
import { Reservation } from './reservation.ts';

type Resources = ScheduleConfig['resources'];

/** Sums of tenths are not exact. */
const tolerance = 1e-9;

/** A run, as it is met by others. */
export interface Occupant {
  readonly resources: Resources;
  readonly ways: Ways;
  /** When it is expected to be over. */
  readonly until: EpochMs;
}

/**
 * Decides at one moment which runs may start, as they are asked for in their order. Small ones that slip past would keep a large one
 * waiting for ever: none starts that would put off the first of those that wait for the host, or for the same way.
 */
export class Admission {
  readonly #running: Occupant[];
  readonly #limits: Limits;
  /** By what it is of. */
  readonly #kept = new Map<string, Kept>();

  constructor(running: readonly Occupant[], limits: Limits) {
    this.#running = [...running];
    this.#limits = limits;
  }

  /** What there is no room in, or is kept for others; undefined: it starts, and counts from now on. */
  ask(run: Occupant): NoRoom | undefined {
    const full = this.#fullWay(run, this.#running);
    if (full !== undefined) {
      // Others need not wait for its store: it holds up nothing but what is to be written there as well.
      this.#keep(`${full} ${wayOf(run, full)}`, {
        meets: goesWith(run),
        lackBeside: (others) => this.#fullWay(run, others),
      });
      return full;
    }
    if (isFullHost(run, this.#running)) {
      this.#keep('host', {
        meets: () => true,
        lackBeside: (others) => (isFullHost(run, others) ? 'capacity' : undefined),
      });
      // Were these taken meanwhile, it would find the host free, and wait for them.
      this.#keep('ways beside host', {
        meets: goesWith(run),
        lackBeside: (others) => this.#fullWay(run, others),
      });
      return 'capacity';
    }
    const met = this.#kept
      .values()
      .filter(({ meets }) => meets(run))
      .toArray();
    for (const { place } of met) {
      const lack = place.lackFor(run);
      if (lack !== undefined) return lack;
    }
    this.#running.push(run);
    for (const { place } of met) place.add(run);
    return undefined;
  }

  #fullWay({ ways }: Occupant, others: readonly Occupant[]): FullWay | undefined {
    const taken = others.map((other) => other.ways);
    return fullWay(ways, taken, this.#limits);
  }

  #keep(
    key: string,
    {
      meets,
      lackBeside,
    }: Pick<Kept, 'meets'> & { readonly lackBeside: (others: readonly Occupant[]) => NoRoom | undefined },
  ): void {
    if (!this.#kept.has(key))
      this.#kept.set(key, { meets, place: new Reservation(lackBeside, this.#running.filter(meets)) });
  }
}

interface Kept {
  /** Whether a run may be in its way at all: thousands have to do with other servers. */
  readonly meets: (run: Occupant) => boolean;
  readonly place: Reservation<Occupant, NoRoom>;
}

function goesWith({ ways }: Occupant): (run: Occupant) => boolean {
  const { stores, network, server } = ways;
  return ({ ways: other }) =>
    (network !== undefined && other.network === network) ||
    (server !== undefined && other.server === server) ||
    other.stores.some((store) => stores.includes(store));
}

function isFullHost({ resources }: Occupant, others: readonly Occupant[]): boolean {
  const taken = others.map((other) => other.resources);
  return !mayStart(resources, taken);
}

function wayOf({ ways }: Occupant, full: FullWay): string {
  return { store: ways.stores.join(' '), network: ways.network, server: ways.server }[full] ?? '';
}

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
export type NoRoom = 'capacity' | FullWay;

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
