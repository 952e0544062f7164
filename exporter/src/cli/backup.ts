import { runView, verdictView } from '../api/views.ts';
import type { Backup } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { highWaterOf } from '../load/of-host.ts';
import type { BackupJobResult } from '../run/jobs.ts';
import { measureRun, ownUseMeter } from '../service/measured-run.ts';
import { unusualInWords } from '../service/review.ts';
import { Reviewer } from '../service/reviewer.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { keepConfig } from './keep-config.ts';
import { scheduleNamed } from './schedule-named.ts';

/** `lowtide backup SCHEDULE`: runs one now, verifies it and prunes, as the service would. */
export async function backup(context: CommandContext, scheduleId: string): Promise<ExitCode> {
  const { terminal, output } = context;
  await using installation = await openSettled(context);
  const schedule = scheduleNamed(scheduleId, installation.config.schedules);
  await installation.takeEnvironmentKey();
  const problems: LowtideError[] = [];
  const { catalog, clock } = installation;
  const [last] = await catalog.backups({ schedule: scheduleId, limit: 1 });
  let result: BackupJobResult;
  {
    using progress = context.progress(`Backing up ${scheduleId}`, expectedFrom(last));
    const filed = {
      reviews: catalog.reviews,
      onProblem: (thrown: unknown) => problems.push(LowtideError.from(thrown)),
    };
    result = await measureRun(
      ownUseMeter(clock),
      filed,
      async () =>
        await installation.jobs.backUp({
          schedule,
          trigger: 'manual',
          signal: terminal.signal,
          onProgress: progress.update,
          onProblem: (problem) => problems.push(problem),
        }),
    );
  }
  const { run, verification } = result;
  if (run.status === 'completed') await reviewer(installation).review(run, clock.now());
  const review = (await catalog.reviews.of([run.id])).get(run.id);
  output.answer(
    {
      ...runView(run, undefined, review),
      ...(verification !== undefined && { verification: verification.copies.map(verdictView) }),
    },
    describe(result),
  );
  for (const warning of run.warnings) output.note(`warning: ${warning}`);
  for (const figure of review?.unusual ?? []) output.note(`warning: it ${unusualInWords(figure)}`);
  for (const { message, hint } of problems)
    output.note(`problem: ${message}${hint === undefined ? '' : ` (${hint})`}`);
  if (run.error !== undefined) {
    output.note(`lowtide: ${run.error.message}`);
    if (run.error.hint !== undefined) output.note(`hint: ${run.error.hint}`);
  }
  await keepConfig(context, installation);
  return exitCodeFor(result, problems);
}

/** How many bytes will be looked at: of a snapshot all that it holds, however little of that is new. */
function expectedFrom(last: Backup | undefined): number | undefined {
  return last?.snapshot === undefined ? last?.storedBytes : last.sizeBytes;
}

function reviewer({ catalog, clock, config }: Installation): Reviewer {
  return new Reviewer({
    catalog,
    clock,
    schedules: () => config.schedules,
    highWater: (host) => highWaterOf(config.load, host),
    // What was unusual is told with the answer; what the run met is known later, to `lowtide serve`.
    onUnusual: () => undefined,
    onError: () => undefined,
  });
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
  const seconds = Math.round(run.pausedSeconds);
  const stopped =
    seconds === 0 ? '' : `, stopped for ${formatDuration(1000 * seconds)} while the host was busy`;
  return `Backup ${run.backupId ?? ''} completed in ${took}${stopped}: ${size}${proof}${gone}.`;
}
