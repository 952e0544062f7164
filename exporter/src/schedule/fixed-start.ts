import type { EpochMs } from '../units/instant.ts';
import { dayMs, dayOf, zoneOf } from './zone.ts';

const twoInTheMorningMs = 2 * 3_600_000;

/**
 * When a backup would start that is set to two in the morning, as most are: the first 02:00 by the schedule's clocks from `from`
 * to `until`, or `from` itself where there is none. What Lowtide's choice is compared with.
 */
export function fixedStart({ from, until, timezone }: FixedChoice): EpochMs {
  const zone = zoneOf(timezone);
  for (let day = dayOf(zone.localAt(from)); ; day += 1) {
    const start = zone.first(day * dayMs + twoInTheMorningMs);
    if (start > until) return from;
    if (start >= from) return start;
  }
}

export interface FixedChoice {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly timezone: string;
}
