import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { highWaterOf } from '../load/of-host.ts';
import { limitsOf } from '../run/admission.ts';
import type { Misfit, Plan, PlannedSlot } from '../schedule/planner.ts';
import { holdReason } from '../service/hold-reason.ts';
import { recentHoldUps } from '../service/hold-ups.ts';
import { slotView } from '../service/plan-view.ts';
import { activeSchedules, Tide } from '../service/tide.ts';
import { counted } from '../units/count.ts';
import { formatDuration } from '../units/duration.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table, type Output } from './output.ts';
import { outcomesOf, planOfSchedule } from './plan-of-schedule.ts';
import { replayPast } from './replay.ts';
import { scheduleNamed } from './schedule-named.ts';
import { shownTime } from './views.ts';

interface PlanOptions {
  readonly hours: number;
  readonly all?: boolean;
  readonly replay?: number;
  readonly host?: string;
}

/** Of a schedule that runs every few minutes, more than these say nothing new. */
const shownOfEach = 5;
/** On a host that is far too small there is one for each run: the first of each schedule come before the second of any. */
const shownProblems = 20;

/** `lowtide plan [SCHEDULE]`: what will run when, and why there. Nothing is started, and a running service is not asked. */
export async function plan(
  context: CommandContext,
  schedule: string | undefined,
  { hours, all = false, replay, host }: PlanOptions,
): Promise<ExitCode> {
  if (replay !== undefined) {
    if (schedule !== undefined)
      throw new LowtideError('usage', '--replay goes over all schedules, and takes none');
    return await replayPast(context, replay, host);
  }
  if (host !== undefined) {
    throw new LowtideError(
      'usage',
      '--host goes with --replay: the plan is of all schedules, each by the load of its host',
      {
        hint: 'lowtide load --host NAME tells what is known of a host.',
      },
    );
  }
  await using installation = await context.open();
  const { catalog, config, clock } = installation;
  if (schedule !== undefined) scheduleNamed(schedule, config.schedules);
  const isAsked = (id: string): boolean => schedule === undefined || id === schedule;
  const tide = new Tide({
    catalog,
    timezone: Temporal.Now.timeZoneId(),
    limits: () => limitsOf(config),
    highWater: (named) => highWaterOf(config.load, named),
  });
  const active = await activeSchedules(catalog, config.schedules);
  // Also where one alone is asked for: it lies where the others leave it room.
  const planned = await tide.planAhead(active, clock.now(), hours);
  const slots = planned.slots.filter((slot) => isAsked(slot.schedule));
  const misfits = planned.misfits.filter(({ job }) => isAsked(job.schedule));
  const { output, terminal } = context;
  const views = slots.map((slot) => slotView(planned, slot));
  const nothing = `Nothing is due within ${counted(hours, 'hour')}.`;
  if (schedule === undefined) {
    const shown = all ? slots : firstOfEach(slots);
    output.answer(views, shown.length === 0 ? nothing : slotTable(planned, shown));
    noteLeft(output, slots.length - shown.length, hours);
    noteProblems(output, misfits, all);
  } else {
    const outcomes = outcomesOf(slots, misfits);
    const shown = all ? outcomes : outcomes.slice(0, shownOfEach);
    const isPaused = !active.some(({ id }) => id === schedule);
    const text = planOfSchedule(planned, shown, {
      holdUps: (await recentHoldUps(catalog)).filter((held) => held.schedule === schedule),
      width: terminal.stdout.isTTY ? terminal.stdout.columns : Infinity,
    });
    output.answer(views, text || (isPaused ? `${schedule} is paused.` : nothing));
    noteLeft(output, outcomes.length - shown.length, hours);
    // The text has those of the starts that it shows.
    const told = new Set(output.json ? [] : shown.map(({ job }) => job));
    noteProblems(
      output,
      misfits.filter(({ job }) => !told.has(job)),
      all,
    );
  }
  const asked = active.filter(({ id }) => isAsked(id));
  for (const text of await passedOver(catalog, asked)) output.note(`problem: ${text}`);
  // One that is only late, or makes do, is made.
  return misfits.some(({ lateMs }) => lateMs === undefined) ? exitCodes.partly : exitCodes.done;
}

function slotTable(planned: Plan, slots: readonly PlannedSlot[]): string {
  return table(
    ['SCHEDULE', 'START', 'TAKES', 'AT THE LATEST', 'WHY THEN'],
    slots.map((slot) => [
      slot.schedule,
      shownTime(slot.start),
      formatDuration(Math.round((slot.end - slot.start) / 1000) * 1000),
      shownTime(slot.job.occurrence.deadline),
      planned.explain(slot).text,
    ]),
  );
}

function noteLeft(output: Output, left: number, hours: number): void {
  if (left === 0 || output.json) return;
  output.note(
    `${left} more within ${counted(hours, 'hour')}; of each schedule the first ${shownOfEach} are shown, with --all every one.`,
  );
}

function noteProblems(output: Output, misfits: readonly Misfit[], all: boolean): void {
  const shown = all ? misfits : firstOfAll(misfits);
  for (const { job, reason } of shown) {
    output.note(`problem: ${job.schedule} due ${shownTime(job.occurrence.dueAt)}: ${reason.text}`);
  }
  const more = misfits.length - shown.length;
  if (more > 0) output.note(`${counted(more, 'more problem')}; with --all every one is shown.`);
}

function firstOfAll(misfits: readonly Misfit[]): readonly Misfit[] {
  const seen = new Map<string, number>();
  const ranks = new Map(
    misfits.map((misfit) => {
      const rank = seen.get(misfit.job.schedule) ?? 0;
      seen.set(misfit.job.schedule, rank + 1);
      return [misfit, rank];
    }),
  );
  const rankOf = (misfit: Misfit): number => ranks.get(misfit) ?? 0;
  const first = new Set(misfits.toSorted((a, b) => rankOf(a) - rankOf(b)).slice(0, shownProblems));
  return misfits.filter((misfit) => first.has(misfit));
}

function firstOfEach<S extends { readonly schedule: string }>(slots: readonly S[]): readonly S[] {
  const seen = new Map<string, number>();
  return slots.filter(({ schedule }) => {
    const before = seen.get(schedule) ?? 0;
    seen.set(schedule, before + 1);
    return before < shownOfEach;
  });
}

/** What was missed for a reason that is known, and has not been made up for since. */
async function passedOver(
  catalog: Pick<Catalog, 'schedule' | 'totals'>,
  schedules: readonly ScheduleConfig[],
): Promise<readonly string[]> {
  const { lastSuccessBySchedule } = await catalog.totals();
  const texts: string[] = [];
  for (const { id } of schedules) {
    const { lastMissed } = await catalog.schedule(id);
    if (lastMissed?.reason === undefined || (lastSuccessBySchedule[id] ?? 0) > lastMissed.at) continue;
    const { text } = holdReason(lastMissed.reason);
    texts.push(`${id} due ${shownTime(lastMissed.dueAt)} was missed: ${text}`);
  }
  return texts;
}
