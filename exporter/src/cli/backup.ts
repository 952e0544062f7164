import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { BackupJobResult } from '../run/jobs.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { runView, verificationView } from './views.ts';

/** `lowtide backup SCHEDULE`: runs one now, verifies it and prunes, as the service would. */
export async function backup(context: CommandContext, scheduleId: string): Promise<ExitCode> {
  const { terminal, output } = context;
  await using installation = await context.open();
  const schedule = scheduleNamed(scheduleId, installation.config.schedules);
  await installation.takeEnvironmentKey();
  const problems: LowtideError[] = [];
  const [last] = installation.catalog.backups({ schedule: scheduleId, limit: 1 });
  let result: BackupJobResult;
  {
    using progress = context.progress(`Backing up ${scheduleId}`, last?.storedBytes);
    result = await installation.jobs.backUp({
      schedule,
      trigger: 'manual',
      signal: terminal.signal,
      onProgress: progress.update,
      onProblem: (problem) => problems.push(problem),
    });
  }
  const { run, verification } = result;
  output.answer(
    { ...runView(run), ...(verification !== undefined && { verification: verificationView(verification) }) },
    describe(result),
  );
  for (const warning of run.warnings) output.note(`warning: ${warning}`);
  for (const { message, hint } of problems)
    output.note(`problem: ${message}${hint === undefined ? '' : ` (${hint})`}`);
  if (run.error !== undefined) {
    output.note(`lowtide: ${run.error.message}`);
    if (run.error.hint !== undefined) output.note(`hint: ${run.error.hint}`);
  }
  return exitCodeFor(result, problems);
}

function exitCodeFor({ run, verification }: BackupJobResult, problems: readonly LowtideError[]): ExitCode {
  if (run.status !== 'completed') return exitCodes.failed;
  const copies = verification?.copies ?? [];
  if (copies.length > 0 && copies.every((copy) => copy.status === 'failed')) return exitCodes.failed;
  return problems.length > 0 || copies.length < run.stores.length * Number(verification !== undefined)
    ? exitCodes.partly
    : exitCodes.done;
}

function describe({ run, verification, pruned }: BackupJobResult): string {
  const took = formatDuration(Math.max(0, (run.finishedAt ?? run.startedAt) - run.startedAt));
  if (run.status !== 'completed') return `Backup of ${run.schedule} ${run.status} after ${took}.`;
  const size = `${formatSize(run.sizeBytes ?? 0)}, ${formatSize(run.storedBytes ?? 0)} stored`;
  const proof =
    verification === undefined
      ? ''
      : `, ${verification.copies.every((copy) => copy.status === 'passed') ? 'verified' : 'NOT verified'}`;
  const gone = pruned === undefined || pruned.removed === 0 ? '' : `; ${pruned.removed} older pruned`;
  return `Backup ${run.backupId ?? ''} completed in ${took}: ${size}${proof}${gone}.`;
}

function scheduleNamed(id: string, schedules: readonly ScheduleConfig[]): ScheduleConfig {
  const schedule = schedules.find((each) => each.id === id);
  if (schedule !== undefined) return schedule;
  throw new LowtideError('not_found', `there is no schedule ${id}`, {
    hint: `The config has: ${schedules.map((each) => each.id).join(', ') || 'none'}.`,
  });
}
