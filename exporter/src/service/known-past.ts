import type { LoadRecord } from '../load/load.ts';
import type { EpochMs } from '../units/instant.ts';

/** What was read a moment ago may have been filed again since, with the load of Lowtide itself taken out. */
const readAgainMs = 3_600_000;

/** Reads records, oldest first, those whose step begins in [from, until). */
export type ReadRecords = (from: EpochMs, until: EpochMs) => Promise<readonly LoadRecord[]>;

/**
 * The load of the past as it was read: weeks of it, of which with each step only the end is new. A thousand hosts that read all of it
 * every five minutes would keep their PostgreSQL busy with little else.
 */
export class KnownPast {
  readonly #lengthMs: number;
  #known:
    { readonly from: EpochMs; readonly until: EpochMs; readonly records: readonly LoadRecord[] } | undefined;
  #forgotten = 0;

  /** `lengthMs`: how far back it is known. */
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** The past was filed anew: it is read from its beginning. */
  forget(): void {
    this.#known = undefined;
    this.#forgotten += 1;
  }

  /** All of it up to `now`, oldest first. Throws what `read` throws, and knows then what it has known before. */
  async upTo(now: EpochMs, read: ReadRecords): Promise<readonly LoadRecord[]> {
    const forgotten = this.#forgotten;
    const from = now - this.#lengthMs;
    const known = this.#known;
    // A clock that was set back, or far ahead, leaves nothing to go on from.
    const goesOn = known !== undefined && known.from <= from && from < known.until && known.until <= now;
    const since = goesOn ? Math.max(from, known.until - readAgainMs) : from;
    const fresh = await read(since, now);
    const before = goesOn ? known.records.filter(({ at }) => at >= from && at < since) : [];
    const records = [...before, ...fresh];
    // What was forgotten meanwhile stays so.
    if (this.#forgotten === forgotten) this.#known = { from, until: now, records };
    return records;
  }
}
