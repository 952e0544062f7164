import type { EpochMs } from '../format/format.ts';

/**
 * What clocks on the wall show, in milliseconds: the moment at which a clock in UTC would show the same. Plain
 * arithmetic works on it, as a day is always 24 hours.
 */
export type LocalMs = number;

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** No zone was ever further from UTC. */
const farthestOffsetMs = 16 * hourMs;

/** The offset over one day of UTC; clocks are set once in it, if at all. */
interface OffsetDay {
  readonly before: number;
  /** From here on it is `after`. */
  readonly changeAt: EpochMs;
  readonly after: number;
}

/**
 * A time zone by `Intl`, for browsers have no Temporal yet. Asking `Intl` takes some 20 µs, so each day is asked for once.
 */
export class Zone {
  readonly #offsetName: Intl.DateTimeFormat;
  readonly #days = new Map<number, OffsetDay>();

  /** Throws a RangeError for a name that is none. */
  constructor(name: string) {
    this.#offsetName = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  }

  offsetAt(at: EpochMs): number {
    const { before, changeAt, after } = this.#dayOf(Math.floor(at / dayMs));
    return at < changeAt ? before : after;
  }

  localAt(at: EpochMs): LocalMs {
    return at + this.offsetAt(at);
  }

  /** The offset that holds at every moment at which clocks show `from` to `until`; undefined where it changes. */
  steadyOffset(from: LocalMs, until: LocalMs): number | undefined {
    const first = Math.floor((from - farthestOffsetMs) / dayMs);
    const last = Math.floor((until + farthestOffsetMs) / dayMs);
    let offset = this.#dayOf(first).before;
    for (let day = first; day <= last; day += 1) {
      const { before, changeAt, after } = this.#dayOf(day);
      if (changeAt === Infinity) continue;
      if (until < changeAt + Math.min(before, after)) return offset;
      if (from < changeAt + Math.max(before, after)) return undefined;
      offset = after;
    }
    return offset;
  }

  /** Every moment at which clocks show `local`: two where they were set back over it, none where they skipped it. */
  moments(local: LocalMs): EpochMs[] {
    const { before, after } = this.#around(local);
    const moments = before === after ? [local - before] : [local - before, local - after];
    return moments.filter((at) => this.localAt(at) === local);
  }

  /** The first moment at which clocks show `local`; where they skipped it, the moment they did. */
  first(local: LocalMs): EpochMs {
    const { before, changeAt } = this.#around(local);
    return this.moments(local)[0] ?? (changeAt === Infinity ? local - before : changeAt);
  }

  /** Like `first`, but a skipped time counts on from before the skip: what began before it keeps its length. */
  carried(local: LocalMs): EpochMs {
    return this.moments(local)[0] ?? local - this.#around(local).before;
  }

  /** The change of the clock that `local` is near to, if any: the days of UTC that it can lie in are looked at. */
  #around(local: LocalMs): OffsetDay {
    const first = Math.floor((local - farthestOffsetMs) / dayMs);
    const last = Math.floor((local + farthestOffsetMs) / dayMs);
    let near = this.#dayOf(first);
    for (let day = first; day <= last; day += 1) {
      const candidate = this.#dayOf(day);
      if (candidate.changeAt === Infinity) continue;
      near = candidate;
      // What clocks showed last before the change, or at it: behind that, the next change counts.
      if (local < candidate.changeAt + Math.max(candidate.before, candidate.after)) break;
      near = { before: candidate.after, changeAt: Infinity, after: candidate.after };
    }
    return near;
  }

  #dayOf(day: number): OffsetDay {
    let known = this.#days.get(day);
    if (known === undefined) {
      known = this.#look(day * dayMs);
      this.#days.set(day, known);
    }
    return known;
  }

  #look(start: EpochMs): OffsetDay {
    // From the second before: some zones set their clocks at midnight UTC.
    let [same, changed] = [start - 1000, start + dayMs - 1000];
    const before = this.#ask(same);
    const after = this.#ask(changed);
    if (before === after) return { before, changeAt: Infinity, after };
    while (changed - same > 1000) {
      const middle = Math.round((same + changed) / 2000) * 1000;
      if (this.#ask(middle) === before) same = middle;
      else changed = middle;
    }
    return { before, changeAt: changed, after };
  }

  #ask(at: EpochMs): number {
    const offset = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.#offsetName.format(at));
    const [, sign, hours = 0, minutes = 0, seconds = 0] = offset ?? [];
    const size = Number(hours) * hourMs + Number(minutes) * minuteMs + Number(seconds) * 1000;
    return sign === '-' ? -size : size;
  }
}

const zones = new Map<string, Zone>();

/** The zone of an IANA name, with what is known of it already. Throws a RangeError for any other text. */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = new Zone(name);
    zones.set(name, zone);
  }
  return zone;
}

/** Days since 1970-01-01, of what clocks show. */
export function dayOf(local: LocalMs): number {
  return Math.floor(local / dayMs);
}
