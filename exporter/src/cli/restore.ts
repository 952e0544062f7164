import { secretResolver } from '../config/read.ts';
import { expandSecrets } from '../config/secrets.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { formatSize } from '../units/size.ts';
import { backupNamed } from './backups.ts';
import { openSettled, type CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';

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
  const target = targetOf(options.to, context);
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

/** `${env:NAME}` and `${file:PATH}` as in the config: a command line is read by every user of the host. */
function targetOf(written: string, { terminal }: CommandContext): string {
  const { value, problems } = expandSecrets(written, secretResolver(terminal.env, process.cwd()));
  const [problem] = problems;
  if (problem !== undefined || typeof value !== 'string') {
    throw new LowtideError('usage', `--to ${problem?.message ?? 'is no text'}`);
  }
  return value;
}
