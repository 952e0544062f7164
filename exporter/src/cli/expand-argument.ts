import { secretResolver } from '../config/read.ts';
import { expandSecrets } from '../config/secrets.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { CommandContext } from './command.ts';

/** `${env:NAME}` and `${file:PATH}` as in the config: a command line is read by every user of the host. */
export function expandArgument(option: string, written: string, { terminal }: CommandContext): string {
  const { value, problems } = expandSecrets(written, secretResolver(terminal.env, process.cwd()));
  const [problem] = problems;
  if (problem !== undefined || typeof value !== 'string') {
    throw new LowtideError('usage', `${option} ${problem?.message ?? 'is no text'}`);
  }
  return value;
}
