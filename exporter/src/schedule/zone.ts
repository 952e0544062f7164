import type { EpochMs } from '../units/instant.ts';

/**
 * What clocks on the wall show, in milliseconds: the moment at which a clock in UTC would show the same. Plain
 * arithmetic works on it (a day is always 24 hours), which is why windows and cron patterns are laid out in it first.
 */
export type LocalMs = number;

export const minuteMs = 60_000;
export const dayMs = 86_400_000;

/** No zone was ever further from UTC; with it a search begins before, and ends behind, every candidate. */
const farthestOffsetMs = 16 * 3_600_000;

/** A stretch of time over which a zone's offset stays the same. */
interface Segment {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly offsetMs: number;
}

/**
 * A time zone whose offsets are remembered: a plan asks for many thousand moments that lie in the same few segments,
 * and asking Temporal for each would take most of its time.
 */
class Zone {
  readonly #id: string;
  readonly #segments: Segment[] = [];
  /** The one that was asked for last: most often the next question is about it as well. */
  #latest: Segment | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  localAt(at: EpochMs): LocalMs {
    return at + this.#segmentAt(at).offsetMs;
  }

  /** Every moment at which clocks show `local`: two where they were set back over it, none where they skipped it. */
  moments(local: LocalMs): EpochMs[] {
    return this.#segmentsAround(local)
      .filter(({ from, until, offsetMs }) => local - offsetMs >= from && local - offsetMs < until)
      .map(({ offsetMs }) => local - offsetMs);
  }

  /** Whether clocks show any time of the day: Samoa went from 2011-12-29 to 2011-12-31. */
  hasDay(day: number): boolean {
    return this.first(day * dayMs) < this.first((day + 1) * dayMs);
  }

  /** The first moment at which clocks show `local`; where they skipped it, the moment they did. */
  first(local: LocalMs): EpochMs {
    return this.#undisturbed(local) ?? this.moments(local)[0] ?? this.#skipOver(local).until;
  }

  /**
   * Like `first`, but a skipped time is counted from before the skip on, and so lies behind it: what began before
   * keeps its length.
   */
  carried(local: LocalMs): EpochMs {
    return this.#undisturbed(local) ?? this.moments(local)[0] ?? local - this.#skipOver(local).offsetMs;
  }

  /** The one moment at which clocks show `local`, where they are not set anywhere near: on nearly every day. */
  #undisturbed(local: LocalMs): EpochMs | undefined {
    const { until, offsetMs } = this.#segmentAt(local - farthestOffsetMs);
    return local + farthestOffsetMs < until ? local - offsetMs : undefined;
  }

  /** The segment that ended with the skip that took `local` away. */
  #skipOver(local: LocalMs): Segment {
    const before = this.#segmentsAround(local).findLast(({ until, offsetMs }) => local >= until + offsetMs);
    if (before === undefined) throw new RangeError(`${this.#id} does not skip ${local}`);
    return before;
  }

  #segmentsAround(local: LocalMs): readonly Segment[] {
    const segments: Segment[] = [];
    for (let at = local - farthestOffsetMs; at <= local + farthestOffsetMs;) {
      const segment = this.#segmentAt(at);
      segments.push(segment);
      at = segment.until;
    }
    return segments;
  }

  #segmentAt(at: EpochMs): Segment {
    const latest = this.#latest;
    if (latest !== undefined && at >= latest.from && at < latest.until) return latest;
    this.#latest = this.#segments.find(({ from, until }) => at >= from && at < until) ?? this.#look(at);
    return this.#latest;
  }

  #look(at: EpochMs): Segment {
    const there = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(this.#id);
    // "previous" is strictly before: one step on, a segment that begins right here is its own.
    const previous = there.add({ nanoseconds: 1 }).getTimeZoneTransition('previous');
    const next = there.getTimeZoneTransition('next');
    const segment: Segment = {
      from: previous?.epochMilliseconds ?? -Infinity,
      until: next?.epochMilliseconds ?? Infinity,
      offsetMs: there.offsetNanoseconds / 1e6,
    };
    this.#segments.push(segment);
    return segment;
  }
}

const zones = new Map<string, Zone>();

/** The zone of an IANA name. Throws a RangeError for any other text. */
export function zoneOf(id: string): Zone {
  let zone = zones.get(id);
  if (zone === undefined) {
    zone = new Zone(id);
    zone.localAt(0);
    zones.set(id, zone);
  }
  return zone;
}

export type { Zone };

/** Days since 1970-01-01, of what clocks show. */
export function dayOf(local: LocalMs): number {
  return Math.floor(local / dayMs);
}
