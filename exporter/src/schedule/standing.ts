import type { EpochMs } from '../units/instant.ts';
import { nextOccurrences, type Occurrence, type Recurring } from './recurrence.ts';
import { dayMs } from './zone.ts';

/** How things stand with a schedule at one moment. */
export interface Standing {
  /** Occurrences whose time is over and for which nothing was run; `dueAt` is the last one's. */
  readonly missed?: { readonly dueAt: EpochMs; readonly occurrences: number };
  /** The occurrence to run: now where its window is open (or was, and it is not too late), else to wait for. */
  readonly next: Occurrence | undefined;
}

/** A longer gap is not gone through one by one. */
const longestGapMs = 366 * dayMs;
/** A pattern like 29 February comes every four years, or after eight around 2100. */
const furthestMs = 9 * 366 * dayMs;

/**
 * Of several occurrences that could be caught up with, only the last is: whoever comes back after a week wants one
 * backup, not seven. `settledUntil` is what `Catalog.schedule` keeps.
 */
export function standing(schedule: Recurring, settledUntil: EpochMs, now: EpochMs): Standing {
  const settled = trusted(schedule, settledUntil, now);
  const due = nextOccurrences(schedule, settled, now);
  const current = due.findLastIndex(({ windowStart, deadline }) => windowStart <= now && now <= deadline);
  const over = current === -1 ? due.findLastIndex(({ deadline }) => deadline < now) + 1 : current;
  const lastOver = due[over - 1];
  return {
    ...(lastOver !== undefined && { missed: { dueAt: lastOver.dueAt, occurrences: over } }),
    next: due[over] ?? firstAfter(schedule, Math.max(settled, now)),
  };
}

/** How things stand, of schedules that are asked about again and again: most have nothing to come for hours. */
export class Standings {
  readonly #known = new Map<Recurring, KnownStanding>();

  of(schedule: Recurring, settledUntil: EpochMs, now: EpochMs): Standing {
    const known = this.#known.get(schedule);
    if (known?.settledUntil === settledUntil && known.from <= now && now < known.until) return known.standing;
    const found = standing(schedule, settledUntil, now);
    const until = found.next?.dueAt ?? now;
    // Up to there nothing is due, and so the answer stays the same.
    if (found.missed === undefined && now < until)
      this.#known.set(schedule, { settledUntil, from: now, until, standing: found });
    else this.#known.delete(schedule);
    return found;
  }

  /** Of schedules that are there no more nothing needs to be known. */
  clear(): void {
    this.#known.clear();
  }
}

interface KnownStanding {
  readonly settledUntil: EpochMs;
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly standing: Standing;
}

/**
 * A clock that stood ahead has left a time that is far in the future: trusting it would stop backups until then. One
 * that was set back a little is trusted, so that nothing runs twice.
 */
function trusted(schedule: Recurring, settledUntil: EpochMs, now: EpochMs): EpochMs {
  if (settledUntil <= now) return Math.max(settledUntil, now - longestGapMs);
  const coming = firstAfter(schedule, now);
  const second = coming && firstAfter(schedule, coming.dueAt);
  return second !== undefined && settledUntil > second.dueAt ? now : settledUntil;
}

/** The first occurrence that is due later than `after`; undefined where none comes within nine years. */
export function firstAfter(schedule: Recurring, after: EpochMs): Occurrence | undefined {
  for (let reach = 2 * dayMs, from = after; from < after + furthestMs; from = after + reach, reach *= 4) {
    const [first] = nextOccurrences(schedule, from, after + reach);
    if (first !== undefined) return first;
  }
  return undefined;
}
