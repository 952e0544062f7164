import type { EpochMs } from '../format/format.ts';
import { expectedAt, measuredAt, type ResourceLoad } from './load-series.ts';
import type { TimeRange } from './time-scale.ts';
import type { Span } from './windows.ts';
import { minuteMs } from './zone.ts';

/** About how much of the time shown counts as low tide. */
const quietShare = 1 / 3;
/** Loads that differ by less than this over the whole range have no tide. */
const leastSpread = 0.03;
const smoothingMs = 60 * minuteMs;
const shortestMs = 40 * minuteMs;
/** More steps than this are finer than a chart shows. */
const mostSteps = 480;
const finestStepMs = 10 * minuteMs;

/**
 * When the host is quiet: about a third of the time shown, in which its load is lowest, as measured up to now and as
 * expected from then on. Smoothed over an hour, since what is shorter helps no backup. Nothing, where the load is flat or unknown.
 */
export function lowTide(
  loads: readonly ResourceLoad[],
  { from, until }: TimeRange,
  now: EpochMs,
): readonly Span[] {
  const stepMs = Math.max(finestStepMs, (until - from) / mostSteps);
  const count = Math.max(1, Math.floor((until - from) / stepMs));
  const course = Array.from({ length: count }, (_, step) => loadAt(loads, from + (step + 0.5) * stepMs, now));
  const smooth = smoothed(course, Math.round(smoothingMs / 2 / stepMs));
  const known = smooth.filter((value) => value !== undefined).sort((a, b) => a - b);
  const [lowest = 0, highest = 0] = [known[0], known.at(-1)];
  if (highest - lowest < leastSpread) return [];
  // A host that is equally busy for most of the time is not quiet then, however much of a third is missing.
  const mark = Math.min(known[Math.floor((known.length - 1) * quietShare)] ?? 0, (lowest + highest) / 2);
  return spansWhere(
    smooth.map((value) => value !== undefined && value <= mark),
    from,
    stepMs,
  );
}

/** The mean over the resources of what is known. */
function loadAt(loads: readonly ResourceLoad[], at: EpochMs, now: EpochMs): number | undefined {
  const known = loads.flatMap(({ measured, forecast }) => {
    const past = at < now ? measuredAt(measured, at) : undefined;
    return past ?? expectedAt(forecast, at)?.expected ?? [];
  });
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function smoothed(course: readonly (number | undefined)[], reach: number): (number | undefined)[] {
  return course.map((value, index) => {
    if (value === undefined) return undefined;
    const near = course
      .slice(Math.max(0, index - reach), index + reach + 1)
      .filter((each) => each !== undefined);
    return near.reduce((sum, each) => sum + each, 0) / near.length;
  });
}

function spansWhere(isQuiet: readonly boolean[], from: EpochMs, stepMs: number): Span[] {
  const spans: Span[] = [];
  let begun: number | undefined;
  for (let step = 0; step <= isQuiet.length; step += 1) {
    if (isQuiet[step] === true) {
      begun ??= step;
    } else if (begun !== undefined) {
      spans.push({ start: from + begun * stepMs, end: from + step * stepMs });
      begun = undefined;
    }
  }
  return spans.filter(({ start, end }) => end - start >= shortestMs);
}
