import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HealOutcome, HealPlan, HealTask } from '../heal/heal.ts';
import { counted } from '../units/count.ts';
import { formatSize } from '../units/size.ts';
import { backupNamed } from './backups.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { table } from './output.ts';

/** `lost`: no good copy of the backup is left; `waiting`: what a dry run would make good. */
interface Healed {
  readonly backup: string;
  readonly store?: string;
  readonly status: HealOutcome['status'] | 'waiting' | 'lost';
  readonly error?: Pick<LowtideError, 'code' | 'message'>;
}

/** `lowtide backups heal [ID] [--dry-run]`: makes copies good that failed, are damaged, or are missing, from those that are good. */
export async function healBackups(
  context: CommandContext,
  id: string | undefined,
  options: { readonly dryRun?: boolean },
): Promise<ExitCode> {
  await using installation = await openSettled(context);
  const dryRun = options.dryRun === true;
  if (!dryRun) await installation.healer.recover(context.terminal.signal);
  const { tasks, lost } = await planFor(installation, id);
  const results: Healed[] = [];
  let bytes = 0;
  for (const task of tasks) {
    const outcome = dryRun ? undefined : await healOne(context, installation, task);
    bytes += outcome?.bytes ?? 0;
    results.push({
      backup: task.backupId,
      store: task.store,
      status: outcome?.status ?? 'waiting',
      ...(outcome?.error !== undefined && { error: outcome.error }),
    });
  }
  results.push(...lost.map(({ backupId }): Healed => ({ backup: backupId, status: 'lost' })));
  const rows = results.map(({ backup, store, status, error }) => [
    backup,
    store ?? '',
    status,
    error?.message ?? (status === 'lost' ? 'no good copy is left: nothing was touched' : ''),
  ]);
  const count = results.filter(({ status }) => status === (dryRun ? 'waiting' : 'healed')).length;
  const summary = dryRun
    ? `${counted(count, 'copy', 'copies')} would be made good. Nothing was changed.`
    : `${counted(count, 'copy', 'copies')} made good, ${formatSize(bytes)} written.`;
  context.output.answer(
    {
      dryRun,
      bytes,
      copies: results.map(({ error, ...rest }) => ({
        ...rest,
        ...(error !== undefined && { error: { code: error.code, message: error.message } }),
      })),
    },
    rows.length === 0 ? nothingToDo(id) : `${table(['BACKUP', 'STORE', 'RESULT', 'WHY'], rows)}\n${summary}`,
  );
  return exitCodeOf(results);
}

async function planFor({ healer, catalog }: Installation, id: string | undefined): Promise<HealPlan> {
  const plan = await healer.plan();
  if (id === undefined) return plan;
  await backupNamed(catalog, id);
  return {
    tasks: plan.tasks.filter(({ backupId }) => backupId === id),
    lost: plan.lost.filter(({ backupId }) => backupId === id),
  };
}

async function healOne(
  context: CommandContext,
  { healer }: Installation,
  task: HealTask,
): Promise<HealOutcome> {
  using progress = context.progress(`Copying ${task.backupId} to ${task.store}`, task.storedBytes);
  return await healer.heal(task, { signal: context.terminal.signal, onProgress: progress.update });
}

function nothingToDo(id: string | undefined): string {
  return id === undefined
    ? 'Every copy that the schedules want, and that is worth keeping, is good as far as is known.'
    : 'Its schedule wants no more copies of it than there are, or would not keep them.';
}

function exitCodeOf(results: readonly Healed[]): ExitCode {
  const isFine = ({ status }: Healed): boolean => status === 'healed' || status === 'waiting';
  if (results.every(isFine)) return exitCodes.done;
  return results.some(isFine) ? exitCodes.partly : exitCodes.failed;
}
