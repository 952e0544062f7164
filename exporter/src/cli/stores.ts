import { randomBytes } from 'node:crypto';
import { openStore } from '../compose/stores.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { checkStore, type LawCheck } from '../store/conformance/check.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';

/** Over a slow line to a bucket a law takes some seconds. */
const lawPatienceMs = 120_000;

/** `lowtide stores check NAME`: whether a store does what backups rely on, tried on the store itself. */
export async function checkStoreNamed(context: CommandContext, name: string): Promise<ExitCode> {
  const { output, terminal } = context;
  const { config } = await context.readConfig();
  const configured = new Map(Object.entries(config.stores)).get(name);
  if (configured === undefined) {
    throw new LowtideError('usage', `no store of the config is called ${name}`, {
      hint: `There are ${Object.keys(config.stores).join(', ')}.`,
    });
  }
  const folder = `_check/${randomBytes(6).toString('hex')}/`;
  const { laws, leftBehind } = await checkStore({
    open: () => openStore(name, configured, terminal.env),
    folder,
    signal: terminal.signal,
    patienceMs: lawPatienceMs,
    onLaw: ({ says, broken }) => output.note(broken === undefined ? `holds: ${says}` : `BROKEN: ${says}`),
  });
  const broken = laws.filter((check) => check.broken !== undefined);
  output.answer({ store: name, laws, leftBehind }, verdictOn(name, laws, broken));
  if (leftBehind.length > 0) {
    output.note(`warning: ${leftBehind.length} objects of this check could not be deleted, below ${folder}`);
  }
  if (broken.length > 0) return exitCodes.failed;
  return leftBehind.length > 0 ? exitCodes.partly : exitCodes.done;
}

function verdictOn(name: string, laws: readonly LawCheck[], broken: readonly LawCheck[]): string {
  if (broken.length === 0)
    return `The store ${name} does all that backups rely on: ${laws.length} of ${laws.length} laws hold.`;
  return [
    `The store ${name} does not do all that backups rely on: ${broken.length} of ${laws.length} laws are broken.`,
    ...broken.map(({ says, broken: how = '' }) => `  ${says}: ${how.split('\n', 1)[0] ?? ''}`),
  ].join('\n');
}
