import { drillView } from '../api/drill-view.ts';
import type { Drill } from '../catalog/drills.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { counted } from '../units/count.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { noteAudit } from './audit.ts';
import { backupNamed } from './backups.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';
import { scheduleNamed } from './schedule-named.ts';
import { shownTime } from './views.ts';

/** `lowtide drill SCHEDULE [--backup ID]`: restores for practice, looks at it, and removes it again. */
export async function drill(
  context: CommandContext,
  schedule: string,
  options: { readonly backup?: string },
): Promise<ExitCode> {
  await using installation = await context.open();
  await installation.takeEnvironmentKey();
  const { config, catalog, drills } = installation;
  const configured = scheduleNamed(schedule, config.schedules);
  const backup = options.backup === undefined ? undefined : await backupNamed(catalog, options.backup);
  if (backup !== undefined && backup.schedule !== schedule) {
    throw new LowtideError('usage', `backup ${backup.id} is of ${backup.schedule}, not of ${schedule}`);
  }
  using progress = context.progress(`Restoring ${schedule} for practice`);
  const ended = await drills.run({
    schedule: configured,
    trigger: 'manual',
    ...(backup !== undefined && { backup }),
    signal: context.terminal.signal,
    onProgress: progress.update,
  });
  progress[Symbol.dispose]();
  await noteAudit(installation, { action: 'schedule.drill', subject: schedule, detail: ended.id });
  context.output.answer(drillView(ended, undefined), told(ended));
  for (const warning of ended.warnings) context.output.note(`warning: ${warning}`);
  if (ended.status === 'passed') return exitCodes.done;
  context.output.note(`lowtide: ${ended.error?.message ?? ended.status}`);
  if (ended.error?.hint !== undefined) context.output.note(`hint: ${ended.error.hint}`);
  return exitCodes.failed;
}

/** `lowtide drills`: those that were made, the last first. */
export async function listDrills(
  context: CommandContext,
  { schedule, limit }: { readonly schedule?: string; readonly limit: number },
): Promise<ExitCode> {
  await using installation = await context.open();
  const drills = await installation.catalog.drills.list({
    limit,
    ...(schedule !== undefined && { schedule }),
  });
  const rows = drills.map((each) => [
    shownTime(each.startedAt),
    each.schedule,
    each.status,
    each.restoreSeconds === undefined ? '' : seconds(each.restoreSeconds),
    seconds(each.dataAgeSeconds),
    each.backupId,
    each.error?.message ?? contents(each),
  ]);
  const head = ['BEGAN', 'SCHEDULE', 'RESULT', 'RESTORED IN', 'AGE OF DATA', 'BACKUP', 'FOUND'];
  context.output.answer(
    drills.map((each) => drillView(each, undefined)),
    rows.length === 0 ? 'No drills yet: `lowtide drill SCHEDULE` makes one now.' : table(head, rows),
  );
  return exitCodes.done;
}

function told(drill: Drill): string {
  const took =
    drill.restoreSeconds === undefined ? 'not restored' : `restored in ${seconds(drill.restoreSeconds)}`;
  const found = contents(drill);
  return [
    `The drill of ${drill.schedule} ${drill.status}: ${drill.backupId} was ${took}${found === '' ? '' : `, ${found}`}.`,
    `Its data was ${seconds(drill.dataAgeSeconds)} old.`,
    ...drill.checks.map(({ name, status, message }) => `  ${status}  ${name}: ${message}`),
  ].join('\n');
}

function contents({ contents: found }: Drill): string {
  if (found?.rows !== undefined)
    return `${counted(found.rows, 'row')} in ${counted(found.tables ?? 0, 'table')}`;
  if (found?.files !== undefined) return `${counted(found.files, 'file')}, ${formatSize(found.bytes ?? 0)}`;
  return '';
}

function seconds(count: number): string {
  return formatDuration(Math.max(1, Math.round(count)) * 1000);
}
