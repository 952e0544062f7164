/** A moment as milliseconds since 1970-01-01T00:00:00Z: what clocks, plans and the catalog count in. */
export type EpochMs = number;

/** RFC 3339 in UTC with milliseconds: how moments leave the process (JSON, manifests, logs). */
export function toRfc3339(at: EpochMs): string {
  return Temporal.Instant.fromEpochMilliseconds(Math.round(at)).toString({ smallestUnit: 'millisecond' });
}

/** The moment of an RFC 3339 text; throws a RangeError for anything else. */
export function fromRfc3339(text: string): EpochMs {
  return Temporal.Instant.from(text).epochMilliseconds;
}
