import type { KeepRules } from '../config/schema.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * Which backups stay: grandfather, father, son, as restic's `forget` does it. Every rule looks at the good backups from
 * the newest to the oldest, takes the newest of each period (hour, day, ISO week, month, year in the schedule's time
 * zone) and stops after as many periods as it has been given; periods without a backup do not count. What no rule takes
 * goes. Two laws stand above the rules:
 *
 * - The newest good backup stays, whatever the rules say.
 * - A backup that is not good counts for no rule. It stays while it is the newest there is, for it may be better than
 *   nothing, and goes once a newer good one exists.
 *
 * Removing what the verdicts say and deciding again removes nothing more.
 */
export interface RetentionCandidate {
  readonly id: string;
  readonly createdAt: EpochMs;
  /** False for one that failed its last verification, or lacks a part. */
  readonly good: boolean;
}

export interface RetentionVerdict {
  readonly id: string;
  readonly keep: boolean;
  /** In words, at least one: every rule that keeps it, or why nothing does. */
  readonly reasons: readonly string[];
}

interface Rule {
  readonly name: string;
  readonly count: number;
  /** The period a moment belongs to, as a person writes it; undefined where each backup is a period of its own. */
  readonly periodOf: ((at: Temporal.ZonedDateTime) => string) | undefined;
}

/**
 * The verdicts on the backups of one schedule in one store, newest first whatever the order they come in. Without a rule all stay.
 * `timezone` is an IANA name.
 */
export function decideRetention(
  backups: readonly RetentionCandidate[],
  keep: KeepRules | undefined,
  timezone: string,
): readonly RetentionVerdict[] {
  const newestFirst = backups.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  const rules = rulesOf(keep ?? {});
  if (rules.length === 0) {
    return newestFirst.map(({ id }) => ({ id, keep: true, reasons: ['no keep rules: everything stays'] }));
  }
  const lastGood = newestFirst.findIndex((backup) => backup.good);
  const kept = reasonsOfRules(
    newestFirst.filter((backup) => backup.good),
    rules,
    timezone,
  );
  return newestFirst.map(({ id, good }, index) => {
    if (!good) return verdictOnBad(id, lastGood !== -1 && lastGood < index);
    const reasons = kept.get(id) ?? [];
    if (reasons.length > 0) return { id, keep: true, reasons };
    if (index === lastGood) return { id, keep: true, reasons: ['last good backup'] };
    return { id, keep: false, reasons: ['no rule keeps it'] };
  });
}

function verdictOnBad(id: string, newerGoodExists: boolean): RetentionVerdict {
  return newerGoodExists
    ? { id, keep: false, reasons: ['not good, and a newer good backup exists'] }
    : { id, keep: true, reasons: ['not good, but no newer good backup exists'] };
}

function reasonsOfRules(
  newestFirst: readonly RetentionCandidate[],
  rules: readonly Rule[],
  timezone: string,
): ReadonlyMap<string, readonly string[]> {
  const reasons = new Map<string, string[]>(newestFirst.map(({ id }) => [id, []]));
  for (const rule of rules) {
    let taken = 0;
    let lastPeriod: string | undefined;
    for (const { id, createdAt } of newestFirst) {
      if (taken === rule.count) break;
      const period = rule.periodOf?.(
        Temporal.Instant.fromEpochMilliseconds(createdAt).toZonedDateTimeISO(timezone),
      );
      if (period !== undefined && period === lastPeriod) continue;
      lastPeriod = period;
      taken += 1;
      const why = period === undefined ? `${taken} of ${rule.count}` : `newest of ${period}`;
      reasons.get(id)?.push(`${rule.name}: ${why}`);
    }
  }
  return reasons;
}

function rulesOf(keep: KeepRules): readonly Rule[] {
  return [
    { name: 'last', count: keep.last, periodOf: undefined },
    { name: 'hourly', count: keep.hourly, periodOf: hourOf },
    {
      name: 'daily',
      count: keep.daily,
      periodOf: (at: Temporal.ZonedDateTime) => at.toPlainDate().toString(),
    },
    { name: 'weekly', count: keep.weekly, periodOf: isoWeekOf },
    {
      name: 'monthly',
      count: keep.monthly,
      periodOf: (at: Temporal.ZonedDateTime) => at.toPlainDate().toPlainYearMonth().toString(),
    },
    { name: 'yearly', count: keep.yearly, periodOf: (at: Temporal.ZonedDateTime) => String(at.year) },
  ].flatMap(({ count, ...rule }) => (count === undefined ? [] : [{ ...rule, count }]));
}

/** With the offset, for an hour that the clocks repeat in autumn is two. */
function hourOf(at: Temporal.ZonedDateTime): string {
  const hour = String(at.hour).padStart(2, '0');
  return `${at.toPlainDate().toString()} ${hour}:00 (UTC${at.offset})`;
}

/** 2027-01-01 lies in 2026-W53: a week belongs to the year of its Thursday (ISO 8601). */
function isoWeekOf(at: Temporal.ZonedDateTime): string {
  return `${at.yearOfWeek ?? at.year}-W${String(at.weekOfYear).padStart(2, '0')}`;
}
