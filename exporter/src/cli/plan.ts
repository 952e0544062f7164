import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { limitsOf } from '../run/admission.ts';
import { holdReason } from '../service/hold-reason.ts';
import { slotView } from '../service/plan-view.ts';
import { activeSchedules, Tide } from '../service/tide.ts';
import { counted } from '../units/count.ts';
import { toRfc3339 } from '../units/instant.ts';
import { formatDuration } from '../units/duration.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { replayPast } from './replay.ts';
import { shownTime } from './views.ts';

interface PlanOptions {
  readonly hours: number;
  readonly all?: boolean;
  readonly replay?: number;
  readonly host?: string;
}

/** Of a schedule that runs every few minutes, more than these say nothing new. */
const shownOfEach = 5;
/** On a host that is far too small there is one for each run. */
const shownProblems = 20;

/** `lowtide plan`: what will run when, and why there. Nothing is started, and a running service is not asked. */
export async function plan(
  context: CommandContext,
  { hours, all = false, replay, host }: PlanOptions,
): Promise<ExitCode> {
  if (replay !== undefined) return await replayPast(context, replay, host);
  await using installation = await context.open();
  const { catalog, config, clock } = installation;
  const timezone = Temporal.Now.timeZoneId();
  const tide = new Tide({ catalog, timezone, limits: () => limitsOf(config) });
  const active = await activeSchedules(catalog, config.schedules);
  const planned = await tide.planAhead(active, clock.now(), hours);
  const slots = planned.slots.map((slot) => slotView(planned, slot));
  const shown = all ? planned.slots : firstOfEach(planned.slots);
  const rows = shown.map((slot) => [
    slot.schedule,
    shownTime(slot.start),
    formatDuration(Math.round((slot.end - slot.start) / 1000) * 1000),
    shownTime(slot.job.occurrence.deadline),
    slotView(planned, slot).reason.text,
  ]);
  const nothing = `Nothing is due within ${hours} hours.`;
  context.output.answer(
    slots,
    rows.length === 0 ? nothing : table(['SCHEDULE', 'START', 'TAKES', 'AT THE LATEST', 'WHY THEN'], rows),
  );
  const left = planned.slots.length - shown.length;
  if (left > 0) {
    context.output.note(
      `${left} more within ${hours} hours; of each schedule the first ${shownOfEach} are shown, with --all every one.`,
    );
  }
  const misfits = all ? planned.misfits : planned.misfits.slice(0, shownProblems);
  for (const { job, reason } of misfits) {
    context.output.note(`problem: ${job.schedule} due ${toRfc3339(job.occurrence.dueAt)}: ${reason.text}`);
  }
  const more = planned.misfits.length - misfits.length;
  if (more > 0) context.output.note(`${counted(more, 'more problem')}; with --all every one is shown.`);
  for (const text of await passedOver(catalog, active)) context.output.note(`problem: ${text}`);
  return planned.misfits.some(({ start }) => start === undefined) ? exitCodes.partly : exitCodes.done;
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
    texts.push(`${id} due ${toRfc3339(lastMissed.dueAt)} was missed: ${text}`);
  }
  return texts;
}
