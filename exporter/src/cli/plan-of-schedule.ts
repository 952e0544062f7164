import type { Explanation, OtherMoment } from '../schedule/explain.ts';
import type { Misfit, Plan, PlanJob, PlannedSlot } from '../schedule/planner.ts';
import { weighed, type KnownLoad } from '../schedule/slot-grid.ts';
import { holdReason } from '../service/hold-reason.ts';
import type { HoldUp } from '../service/hold-ups.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatPercent } from '../units/share.ts';
import { table } from './output.ts';
import { shownTime } from './views.ts';

/** What the plan has for an occurrence: a slot, a problem, or both. */
interface Outcome {
  readonly job: PlanJob;
  readonly slot: PlannedSlot | undefined;
  readonly problems: readonly string[];
}

/** In the order in which they are due. */
export function outcomesOf(slots: readonly PlannedSlot[], misfits: readonly Misfit[]): readonly Outcome[] {
  const problems = Map.groupBy(misfits, ({ job }) => job);
  const problemsOf = (job: PlanJob): readonly string[] =>
    (problems.get(job) ?? []).map(({ reason }) => reason.text);
  const withoutSlot = misfits.filter(({ start }) => start === undefined);
  return [
    ...slots.map((slot) => ({ job: slot.job, slot, problems: problemsOf(slot.job) })),
    ...withoutSlot.map(({ job }) => ({ job, slot: undefined, problems: problemsOf(job) })),
  ].sort((a, b) => a.job.occurrence.dueAt - b.job.occurrence.dueAt);
}

interface Shown {
  readonly holdUps: readonly HoldUp[];
  /** Of the terminal; Infinity elsewhere. */
  readonly width: number;
}

/** Each start of a schedule with its reason, and those that it was preferred to; or why there is none. */
export function planOfSchedule(plan: Plan, outcomes: readonly Outcome[], { holdUps, width }: Shown): string {
  return outcomes
    .map(({ job, slot, problems }) => {
      if (slot === undefined) return facts(job, [['START', `none: ${problems.join('; ')}`]], width);
      const explained = plan.explain(slot);
      const told: [Fact, ...Fact[]] = [
        ['START', shownTime(slot.start)],
        ['WHY THEN', explained.text],
        ...problems.map((problem): Fact => ['PROBLEM', problem]),
        ...holdUps
          .filter(({ at }) => at >= job.occurrence.windowStart)
          .map(({ at, reason }): Fact => ['HELD UP', `${shownTime(at)}: ${holdReason(reason).text}`]),
      ];
      const others = othersOf(explained);
      if (others.length === 0 || !explained.isLoadKnown) {
        return facts(job, [...told, ['LOAD', loadInWords(explained)]], width);
      }
      return `${facts(job, told, width)}\n\n${indented(startsCompared(slot, explained, others, width))}`;
    })
    .join('\n\n\n');
}

type Fact = readonly [name: string, text: string];

function facts(
  { occurrence, durationMs }: PlanJob,
  [first, ...more]: readonly [Fact, ...Fact[]],
  width: number,
): string {
  const { dueAt, windowStart, windowEnd, deadline } = occurrence;
  const rest: Fact[] = [
    ...more,
    ['TAKES', formatDuration(Math.round(durationMs / 1000) * 1000)],
    windowEnd > windowStart
      ? ['WINDOW', `${shownTime(windowStart)} to ${shownTime(windowEnd)}`]
      : ['DUE', shownTime(dueAt)],
    ['AT THE LATEST', shownTime(deadline)],
  ];
  return table(first, rest, width);
}

/** Of the starts that it was chosen among, the quietest. */
function othersOf({ best, others }: Explanation): readonly OtherMoment[] {
  return 'whyNot' in best && !others.some(({ start }) => start === best.start) ? [best, ...others] : others;
}

function loadInWords({ load, isLoadKnown }: Explanation): string {
  if (!isLoadKnown) return 'too little is known of it yet';
  const [whole, cpu, memory] = percents(load, 'not known');
  return `${whole} (cpu ${cpu}, memory ${memory})`;
}

function startsCompared(
  slot: PlannedSlot,
  { load, best }: Explanation,
  others: readonly OtherMoment[],
  width: number,
): string {
  const row = (start: EpochMs, expected: KnownLoad, text: string): string[] => [
    shownTime(start),
    ...percents(expected, '?').map((share) => share.padStart(5)),
    text,
  ];
  return table(
    ['START', ' LOAD', '  CPU', 'MEMORY', 'WHY NOT THEN'],
    [
      row(slot.start, load, best.start === slot.start ? 'planned: the quietest' : 'planned'),
      ...others.map((other) => row(other.start, other.load, whyNot(other, other.start === best.start))),
    ],
    width - indent.length,
  );
}

function whyNot({ whyNot: code, text }: OtherMoment, isQuietest: boolean): string {
  if (!isQuietest) return text;
  return code === 'history' ? 'the quietest, by less than can be told' : `the quietest, but ${text}`;
}

const indent = '  ';

function indented(text: string): string {
  return text.replace(/^/gm, indent);
}

/** Of all, and of each resource. */
function percents(load: KnownLoad, unknown: string): [whole: string, cpu: string, memory: string] {
  const percent = (share: number | undefined): string =>
    share === undefined ? unknown : formatPercent(share);
  return [percent(weighed(load)), percent(load.cpu), percent(load.memory)];
}
