import type { EpochMs } from '../units/instant.ts';

/** A job as the engine knows it. `fetched` names a claim of it. */
export interface Queued {
  readonly id: string;
  readonly slot: EpochMs;
  readonly urgency: number;
}
export interface Fetched {
  readonly id: string;
  readonly fetched: number;
}

/** What hands jobs out. All within one transaction, together with what the ledger writes. */
export interface Engine {
  /** The time that counts. */
  readonly now: EpochMs;
  /**
   * Claims of a lane go on side by side, and wait for whoever changes what waits in it. Both touch the ledger and the
   * engine, in different order: without this they could wait for each other.
   */
  lock(lane: string, mode: 'claim' | 'change'): Promise<void>;
  add(lane: string, jobs: readonly Queued[]): Promise<void>;
  move(lane: string, job: Queued): Promise<void>;
  /** The most urgent first; of `only` these (by id, with their urgency), where it is given. Nobody else is given the same. */
  take(lane: string, limit: number, only?: ReadonlyMap<string, number>): Promise<Fetched[]>;
  giveBack(lane: string, job: Fetched, notBefore: EpochMs | undefined): Promise<void>;
  remove(lane: string, ids: readonly string[]): Promise<void>;
}
