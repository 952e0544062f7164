import { existsSync } from 'node:fs';
import { LowtideError } from '../errors/lowtide-error.ts';
import { counted } from '../units/count.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Catalog } from './catalog.ts';
import type { StateDatabase } from './sql/transaction.ts';
import { StandInCatalog } from './stand-in/catalog.ts';
import { Journal } from './stand-in/journal.ts';
import { Presence } from './stand-in/presence.ts';

/**
 * A catalog on a PostgreSQL that may be away: stopped, failing over, or behind a network that is cut. What a run needs goes on
 * without it. What is done meanwhile is noted in a journal on this host, durably, and delivered when it is back, in order and
 * once, whatever is killed in between; only then is it asked again.
 *
 * While it is away every other method throws `state_unavailable` at once, and nothing is answered that is not known: there is no
 * half of a list, so that nobody decides on one. Answered are the runs and backups that were made here meanwhile, by their id,
 * the runs of an occurrence, and the schedules, as they were last known.
 */
export interface StandIn {
  readonly catalog: Catalog;
  isAway(): boolean;
  /** Since when and why; undefined while it is there. */
  readonly absence: Absence | undefined;
  /** What there is to be delivered. */
  readonly waiting: number;
  /** When the last run of each schedule that completed meanwhile ended. */
  readonly completed: ReadonlyMap<string, EpochMs>;
  /** Hears each time that the catalog goes away, at once; it may be away from the start. */
  onAway: (absence: Absence) => void;
  /** What was noted and can never be delivered: it is kept for a person to look at. */
  readonly refused: number;
  /** Hears of what was noted and can never be delivered. */
  onRefused: (what: string, error: LowtideError) => void;
  /** To be done each time that it is back, one after the other: the catalog can be asked. A failure is the caller's to tell. */
  whenBack(work: () => Promise<void>): void;
  /** It is back, and not all that was to be done then has gone through: `tryToReturn` does it again. */
  readonly isOwed: boolean;
  /**
   * Looks whether it is back, delivers, and does what is to be done then. Throws why it is away still; resolves at once where it
   * is not away. One at a time.
   */
  tryToReturn(): Promise<void>;
}

export interface Absence {
  readonly since: EpochMs;
  readonly reason: LowtideError;
}

export interface StandInOptions {
  /** This host's own, for this catalog alone; made where absent. */
  readonly folder: string;
  /** Opens the state; asked again until it was there once. */
  readonly connect: () => Promise<StateDatabase>;
  readonly now: () => EpochMs;
}

/**
 * Opens the catalog, and delivers what an earlier process has left. Where PostgreSQL is away it is away from the start, if
 * this host was connected once; else throws what `connect` throws. Throws `state_busy` while another process uses the folder.
 */
export async function openStandIn(options: StandInOptions): Promise<StandIn> {
  const presence = await Presence.open(options);
  return Object.assign(presence, { catalog: new StandInCatalog(presence) });
}

/** Throws `run_active` where a service has noted in this folder what its PostgreSQL has not been told yet, `state_busy` while one does. */
export function refuseUndelivered(folder: string, instance: string): void {
  if (!existsSync(folder)) return;
  using journal = Journal.open(folder);
  const { size } = journal;
  if (size === 0) return;
  throw new LowtideError(
    'run_active',
    `${counted(size, 'thing')} that ${instance} did while PostgreSQL was away ${size === 1 ? 'is' : 'are'} not on record yet`,
    {
      hint: 'Start the service with the state where it is once more: it delivers them.',
    },
  );
}
