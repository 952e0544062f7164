import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { itAndThoseBehind, resourceName } from './explain-misfit.ts';
import { changesOf, fullTimes, type FullTime, type Claimant } from './full-times.ts';
import { SharedResources, type Ways } from './limits.ts';
import { byStart } from './outcome.ts';
import type { Claim } from './placement-problem.ts';
import type { Misfit, PlannedSlot, PlanRequest, Resources } from './planner.ts';

/**
 * Of runs that come as they are due, whatever else is planned, those that are missed for it: beside others of ours nothing starts that
 * does not fit, and before there is room the next one is due. Those in a row are told of as one. They keep their slots, since the
 * service tries each: what they wait for may be over before it was expected to be, or be held up itself. What the host does by itself
 * is in the way of no start.
 */
export function withoutRoom(
  runs: readonly PlannedSlot[],
  planned: readonly PlannedSlot[],
  { now, running = [], limits = {} }: Pick<PlanRequest, 'now' | 'running' | 'limits'>,
): readonly Misfit[] {
  if (runs.length === 0) return [];
  const shared = new SharedResources(limits);
  const claimsOf = (run: Ways & { readonly resources: Resources }): readonly Claim[] => [
    { resource: 0, amount: run.resources.cpu },
    { resource: 1, amount: run.resources.memory },
    ...shared.claims(run, '', undefined).map((claim) => ({ ...claim, resource: own + claim.resource })),
  ];
  const capacityOf = (resource: number): number => shared.list[resource - own]?.capacity ?? 1;
  const nameOf = (resource: number): string => resourceName(shared.list, resource);
  const goesOn = running.map((run): Claimant => ({ claims: claimsOf(run), from: now, until: run.until }));
  // What is planned goes before, however little it matters.
  const comes = planned.map(({ job, start, end }): Claimant => ({
    claims: claimsOf(job),
    from: start,
    until: end,
  }));
  const misfits: Misfit[] = [];
  const changes = changesOf([...goesOn, ...comes]);
  for (const ofSchedule of Map.groupBy(runs, ({ schedule }) => schedule).values()) {
    for (const row of rowsOf(ofSchedule, (run) => fullTimes(changes, claimsOf(run.job), capacityOf))) {
      misfits.push(misfitOf(row, nameOf));
    }
  }
  return misfits;
}

/** cpu and memory; behind them comes what runs share. */
const own = 2;

/** Runs of one schedule that are missed for want of room at one time. */
interface Row {
  readonly first: PlannedSlot;
  readonly time: FullTime;
  count: number;
}

/** All runs of a schedule claim the same. */
function rowsOf(
  runs: readonly PlannedSlot[],
  fullTimesFor: (run: PlannedSlot) => readonly FullTime[],
): readonly Row[] {
  const [one] = runs;
  const times = one === undefined ? [] : fullTimesFor(one);
  const rows: Row[] = [];
  let at = 0;
  for (const run of runs.toSorted(byStart)) {
    while ((times[at]?.until ?? Infinity) <= run.start) at += 1;
    const time = times[at];
    if (time === undefined || time.from > run.start || isInTime(run, time.until)) continue;
    const row = rows.at(-1);
    if (row?.time === time) row.count += 1;
    else rows.push({ first: run, time, count: 1 });
  }
  return rows;
}

function isInTime({ job }: PlannedSlot, start: EpochMs): boolean {
  const { occurrence, supersededAt = Infinity, isSkipped } = job;
  return start < supersededAt && (isSkipped === undefined || start <= occurrence.deadline);
}

function misfitOf({ first, time, count }: Row, nameOf: (resource: number) => string): Misfit {
  const { job, start } = first;
  const missed = job.isSkipped
    ? 'skipped, for there is no room by its deadline'
    : 'missed, for there is no room before the next one is due';
  const scarce = [...time.scarce].map(nameOf);
  const taken = `${scarce.join(' and ')} ${scarce.length > 1 ? 'are' : 'is'} taken by others for ${formatDuration(time.until - start)}`;
  return {
    ...{ job, start, lateMs: undefined },
    reason: { code: 'no_room', text: `${itAndThoseBehind(count)} will be ${missed}: ${taken}` },
  };
}
