import { createSource } from '../source/create.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { counted } from '../units/count.ts';

/** `lowtide check-config`: every mistake at once (as an error), or what the file describes. */
export async function checkConfig(context: CommandContext): Promise<ExitCode> {
  const { config, file, warnings } = await context.readConfig();
  const schedules = config.schedules.map(({ id, source: configured, stores }) => {
    const source = createSource(configured);
    const repository = 'repository' in source ? `${source.type} in ${source.repository}` : undefined;
    return { id, source: source.label, stores, ...(repository !== undefined && { repository }) };
  });
  const lines = schedules.map(
    ({ id, source, stores, repository }) => `  ${id}: ${source} to ${repository ?? stores.join(', ')}`,
  );
  context.output.answer(
    { file, valid: true, warnings, schedules },
    [
      `${file} is valid: ${counted(schedules.length, 'schedule')}, ${counted(warnings.length, 'warning')}.`,
      ...lines,
    ].join('\n'),
  );
  return exitCodes.done;
}
