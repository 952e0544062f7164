import { formatSize } from '../units/size.ts';
import { backupNamed } from './backups.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { expandArgument } from './expand-argument.ts';

export interface RestoreCommandOptions {
  readonly to: string;
  readonly force?: boolean;
}

/** `lowtide restore ID --to TARGET`: into a folder, a file or a database. */
export async function restore(
  context: CommandContext,
  id: string,
  options: RestoreCommandOptions,
): Promise<ExitCode> {
  await using installation = await openSettled(context);
  await installation.takeEnvironmentKey();
  const backup = await backupNamed(installation.catalog, id);
  const target = expandArgument('--to', options.to, context);
  const { signal } = context.terminal;
  using progress = context.progress(`Restoring ${id}`, backup.storedBytes);
  const result = await installation.jobs.restore(backup, target, {
    force: options.force === true,
    signal,
    onProgress: progress.update,
  });
  progress[Symbol.dispose]();
  context.output.answer(
    { id, ...result },
    `Restored ${id} (${formatSize(backup.sizeBytes)}) to ${result.target}.`,
  );
  for (const warning of result.warnings) context.output.note(`warning: ${warning}`);
  return exitCodes.done;
}
