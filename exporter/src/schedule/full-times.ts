import type { EpochMs } from '../units/instant.ts';
import type { Claim } from './placement-problem.ts';

/** Sums of tenths are not exact. */
const tolerance = 1e-9;

/** What claims all of these from one moment to another. */
export interface Claimant {
  readonly claims: readonly Claim[];
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** When there is no room for one more. */
export interface FullTime {
  readonly from: EpochMs;
  readonly until: EpochMs;
  /** What there is too little of at one time or another, in the order in which it runs out. */
  readonly scarce: ReadonlySet<number>;
}

interface Change {
  readonly at: EpochMs;
  readonly claims: readonly Claim[];
  readonly sign: 1 | -1;
}

/** In the order of their times. */
export function changesOf(claimants: readonly Claimant[]): readonly Change[] {
  return claimants
    .flatMap(({ claims, from, until }): readonly Change[] => {
      if (until <= from) return [];
      return [
        { at: from, claims, sign: 1 },
        { at: until, claims, sign: -1 },
      ];
    })
    .sort((a, b) => a.at - b.at);
}

/** The times at which a start does not find all that it claims, one behind the other. */
export function fullTimes(
  changes: readonly Change[],
  claims: readonly Claim[],
  capacityOf: (resource: number) => number,
): readonly FullTime[] {
  const taken = new Map<number, number>();
  const isShort = ({ resource, amount }: Claim): boolean => {
    const capacity = capacityOf(resource);
    return (taken.get(resource) ?? 0) + amount > capacity * (1 + tolerance);
  };
  const times: FullTime[] = [];
  let open: { readonly from: EpochMs; readonly scarce: Set<number> } | undefined;
  for (const [index, { at, claims: changed, sign }] of changes.entries()) {
    for (const { resource, amount } of changed) {
      taken.set(resource, (taken.get(resource) ?? 0) + sign * amount);
    }
    // What ends as another begins leaves no room.
    if (changes[index + 1]?.at === at) continue;
    const short = claims.filter(isShort);
    if (short.length > 0) {
      open ??= { from: at, scarce: new Set() };
      for (const { resource } of short) open.scarce.add(resource);
    } else if (open !== undefined) {
      times.push({ ...open, until: at });
      open = undefined;
    }
  }
  return times;
}
