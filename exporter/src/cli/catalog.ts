import { rebuildCatalog } from '../catalog/rebuild.ts';
import { setAsideCatalog } from '../catalog/sqlite/set-aside.ts';
import { systemClock } from '../clock/system.ts';
import { openInstallation, type Installation } from '../compose.ts';
import { isPostgresUrl } from '../config/location.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';

/** `lowtide catalog rebuild`: what lies in the stores comes back into the catalog; a damaged catalog is set aside. */
export async function rebuild(context: CommandContext): Promise<ExitCode> {
  const { output, terminal } = context;
  await using installation = await open(context, await context.readConfig());
  const result = await rebuildCatalog(installation.catalog, installation.stores, {
    signal: terminal.signal,
    onProgress: ({ store, done, total }) => {
      if (done % 1000 === 0) output.note(`store ${store}: ${done} of ${total} manifests read`);
    },
  });
  const problems = result.problems.map(({ store, name, error }) => ({
    store,
    ...(name !== undefined && { name }),
    code: error.code,
    message: error.message,
  }));
  output.answer(
    { good: result.good, damaged: result.damaged, problems },
    `Found ${result.good} good copies and ${result.damaged} damaged ones.`,
  );
  for (const { store, name, message } of problems) {
    output.note(`problem with ${name === undefined ? `store ${store}` : `${name} in ${store}`}: ${message}`);
  }
  return problems.length > 0 ? exitCodes.partly : exitCodes.done;
}

/** Only a catalog that cannot be opened is put away: one that can be is brought up to date where it is. */
async function open({ terminal, output }: CommandContext, loaded: LoadedConfig): Promise<Installation> {
  try {
    return await openInstallation(loaded, terminal.env);
  } catch (thrown) {
    const isDamaged = thrown instanceof LowtideError && thrown.code === 'state_invalid';
    if (!isDamaged || isPostgresUrl(loaded.config.state)) throw thrown;
    const aside = setAsideCatalog(loaded.config.state, systemClock.now());
    if (aside !== undefined) output.note(`${thrown.message}; it now lies at ${aside}`);
    return await openInstallation(loaded, terminal.env);
  }
}
