import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { CommandContext } from './command.ts';

/** A store that does not answer has kept the command waiting already. */
const keepWithinMs = 30_000;

/** Brings the copy of the config in each store up to date, after what may have changed it or the key it is sealed to. */
export async function keepConfig(
  { output, terminal }: Pick<CommandContext, 'output' | 'terminal'>,
  { configKeeper }: Pick<Installation, 'configKeeper'>,
): Promise<void> {
  // Whoever has stopped the command wants its end; the service and the next command look again.
  if (terminal.signal.aborted) return;
  const within = AbortSignal.any([terminal.signal, AbortSignal.timeout(keepWithinMs)]);
  const problems = await configKeeper
    .keep(within)
    .catch((thrown: unknown) => new Map([['', LowtideError.from(thrown)]]));
  for (const [store, { message }] of problems) {
    output.note(
      `warning: ${store === '' ? 'a store' : `store ${store}`} has no copy of the config as it is now: ${message}`,
    );
  }
}
