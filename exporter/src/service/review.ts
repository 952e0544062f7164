import type { Run } from '../catalog/catalog.ts';
import type { NewReview, UnusualFigure } from '../catalog/reviews.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { lookBack, type PastRun } from '../load/hindsight.ts';
import { coarseStepMs } from '../load/load.ts';
import type { PastLoad } from '../load/past-load.ts';
import { workedMs } from '../run/run-time.ts';
import { startsOf } from '../schedule/due-job.ts';
import { fixedStart } from '../schedule/fixed-start.ts';
import { usualBand } from '../schedule/learned.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';

/** Between some seconds there is no difference to anybody, nor between some hundred kilobytes. */
const durationFloorSeconds = 60;
const sizeFloorBytes = 2 ** 20;

/** What stands out about a completed run, against earlier completed ones of its schedule. */
function unusualFigures(run: Run, earlier: readonly Run[]): readonly UnusualFigure[] {
  const seconds = (each: Run): number => workedMs(each) / 1000;
  const long = usualBand(earlier.map(seconds), durationFloorSeconds);
  const sizes = earlier.flatMap(({ sizeBytes }) => sizeBytes ?? []);
  const size = usualBand(sizes, sizeFloorBytes);
  const { sizeBytes } = run;
  return [
    // A run that is faster than usual bothers nobody; what it may lack, its size tells.
    ...(long !== undefined && seconds(run) > long.high
      ? [{ figure: 'duration', value: seconds(run), ...long } as const]
      : []),
    ...(size !== undefined && sizeBytes !== undefined && (sizeBytes > size.high || sizeBytes < size.low)
      ? [{ figure: 'size', value: sizeBytes, ...size } as const]
      : []),
  ];
}

/** For people: `took 2h, where 20m to 45m is usual`. */
export function unusualInWords({ figure, value, low, high }: UnusualFigure): string {
  const show = figure === 'size' ? formatSize : shownSeconds;
  const verb = figure === 'size' ? 'has a size of' : 'took';
  return `${verb} ${show(value)}, where ${show(low)} to ${show(high)} is usual`;
}

function shownSeconds(seconds: number): string {
  return formatDuration(Math.round(seconds) * 1000);
}

/** When a run that is over might have started; undefined for one that no schedule of today asked for. */
export function choiceOf(run: Run, schedule: ScheduleConfig | undefined): PastRun['choice'] {
  const { dueAt, startedAt } = run;
  if (schedule === undefined || dueAt === undefined) return undefined;
  const occurrence = nextOccurrences(schedule, dueAt - 1, dueAt).find((each) => each.dueAt === dueAt);
  if (occurrence === undefined) return undefined;
  const starts = startsOf({ schedule, occurrence });
  const from = Math.min(starts.from, startedAt);
  const until = Math.max(starts.until, startedAt);
  return { from, until, fixedStart: fixedStart({ from, until, timezone: schedule.timezone }) };
}

/** What is not known of a run by then will not be known any more. */
const lateRecordsMs = 86_400_000;
/** From the end of a step until its record is surely there, also where it comes from Prometheus. */
const settleMs = 120_000;

export interface ReviewFacts {
  readonly run: Run;
  readonly earlier: readonly Run[];
  readonly choice: PastRun['choice'];
  /** The load from the first possible start on; may end before the last one. */
  readonly past: PastLoad;
  readonly now: EpochMs;
}

export interface Reviewed {
  readonly review: NewReview;
  /** When there will be more to say; undefined where all is said. */
  readonly againAt: EpochMs | undefined;
}

/** The review of a completed run as far as it can be made now. */
export function reviewRun({ run, earlier, choice, past, now }: ReviewFacts): Reviewed {
  const { startedAt, finishedAt = startedAt } = run;
  const unusual = unusualFigures(run, earlier);
  const load = lookBack(past, { startedAt, finishedAt, ...(choice !== undefined && { choice }) });
  const last = Math.max(finishedAt, choice === undefined ? 0 : choice.until + (finishedAt - startedAt));
  // Gaps inside of the window stay gaps: once its last stretch is over there is nothing to wait for.
  const isFinal = now >= recordedAt(last) && (load !== undefined || now >= finishedAt + lateRecordsMs);
  const review = { unusual, ...(load !== undefined && { load }), isFinal };
  if (isFinal) return { review, againAt: undefined };
  return { review, againAt: load === undefined ? nextTry(finishedAt, now) : recordedAt(last) };
}

/** When the step that holds a moment is on record. */
function recordedAt(at: EpochMs): EpochMs {
  return Math.ceil(at / coarseStepMs) * coarseStepMs + settleMs;
}

/** Less and less often: where nothing measures this host there are many such runs. */
function nextTry(finishedAt: EpochMs, now: EpochMs): EpochMs {
  return Math.max(recordedAt(finishedAt), now + Math.max(coarseStepMs, (now - finishedAt) / 2));
}
