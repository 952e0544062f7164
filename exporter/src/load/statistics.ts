import { zoneOf } from '../schedule/zone.ts';
import type { EpochMs } from '../units/instant.ts';
import type { LoadRecord } from './load.ts';
import { flows, type Flow } from './throughput.ts';

/** One resource over some time; shares from 0 to 1. */
export interface LoadStatistics {
  /** How many steps were measured; gaps do not count. */
  readonly samples: number;
  readonly mean: number;
  readonly minimum: number;
  readonly median: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly maximum: number;
  /** When that was, the first time. */
  readonly maximumAt: EpochMs;
  /** By how much the mean of the second half of the time is above that of the first. */
  readonly trend: number;
  /** By weekday (1 is Monday) and hour of the day, where anything was measured. */
  readonly profile: readonly HourOfWeek[];
  /** Of each weekday, the three hours with the lowest mean, in order of the day. */
  readonly quietHours: readonly HoursOfDay[];
  /** And the three with the highest. */
  readonly busyHours: readonly HoursOfDay[];
}

export interface HoursOfDay {
  readonly weekday: number;
  readonly hours: readonly number[];
}

export interface HourOfWeek {
  readonly weekday: number;
  readonly hour: number;
  readonly mean: number;
}

/** What one flow carried over some time, in bytes per second. */
export interface ThroughputStatistics {
  readonly flow: Flow;
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
  readonly maximum: number;
}

const hoursShown = 3;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Undefined where nothing was measured. The week is that of clocks in `timezone`. */
export function loadStatistics(
  times: readonly EpochMs[],
  loads: readonly number[],
  timezone: string,
): LoadStatistics | undefined {
  const points = times.flatMap((at, index) => {
    const load = loads[index] ?? NaN;
    return Number.isNaN(load) ? [] : [{ at, load }];
  });
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const sorted = points.map(({ load }) => load).sort((a, b) => a - b);
  const middle = (first.at + last.at) / 2;
  const profile = profileOf(points, timezone);
  const peak = points.reduce((highest, point) => (point.load > highest.load ? point : highest), first);
  return {
    samples: points.length,
    mean: meanOf(sorted),
    minimum: sorted[0] ?? NaN,
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    maximum: peak.load,
    maximumAt: peak.at,
    trend:
      first.at === last.at
        ? 0
        : meanOf(points.filter(({ at }) => at > middle).map(({ load }) => load)) -
          meanOf(points.filter(({ at }) => at <= middle).map(({ load }) => load)),
    profile,
    quietHours: hoursOf(profile, (a, b) => a.mean - b.mean),
    busyHours: hoursOf(profile, (a, b) => b.mean - a.mean),
  };
}

/** Of each weekday the first hours in an order, as they follow each other. */
function hoursOf(
  profile: readonly HourOfWeek[],
  order: (a: HourOfWeek, b: HourOfWeek) => number,
): readonly HoursOfDay[] {
  return [...Map.groupBy(profile, ({ weekday }) => weekday)].map(([weekday, hours]) => ({
    weekday,
    hours: hours
      .toSorted((a, b) => order(a, b) || a.hour - b.hour)
      .slice(0, hoursShown)
      .map(({ hour }) => hour)
      .sort((a, b) => a - b),
  }));
}

/** Flows of which nothing was measured are left out. */
export function throughputStatistics(
  records: readonly Pick<LoadRecord, 'throughput'>[],
): readonly ThroughputStatistics[] {
  return flows.flatMap((flow) => {
    const sorted = records
      .map(({ throughput }) => throughput?.[flow] ?? NaN)
      .filter((bytes) => !Number.isNaN(bytes))
      .sort((a, b) => a - b);
    if (sorted.length === 0) return [];
    return {
      flow,
      mean: meanOf(sorted),
      median: quantile(sorted, 0.5),
      p95: quantile(sorted, 0.95),
      maximum: sorted.at(-1) ?? NaN,
    };
  });
}

function profileOf(
  points: readonly { readonly at: EpochMs; readonly load: number }[],
  timezone: string,
): readonly HourOfWeek[] {
  const zone = zoneOf(timezone);
  const byHour = Map.groupBy(points, ({ at }) => {
    const local = zone.localAt(at);
    // 1970-01-01 was a Thursday.
    const weekday = ((((Math.floor(local / dayMs) + 3) % 7) + 7) % 7) + 1;
    const hour = Math.floor((((local % dayMs) + dayMs) % dayMs) / hourMs);
    return weekday * 24 + hour;
  });
  return [...byHour]
    .sort(([a], [b]) => a - b)
    .map(([key, inHour]) => ({
      weekday: Math.floor(key / 24),
      hour: key % 24,
      mean: meanOf(inHour.map(({ load }) => load)),
    }));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of sorted values: the smallest that at least this share does not exceed. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
