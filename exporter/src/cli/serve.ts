import { existsSync } from 'node:fs';
import { quickstart, quickstartGuide } from '../quickstart/quickstart.ts';
import { systemClock } from '../clock/system.ts';
import { openInstallation } from '../compose.ts';
import { readConfig } from '../config/read.ts';
import { formatProblem } from '../config/problem.ts';
import { createLog } from '../service/log.ts';
import type { LogOptions } from '../service/log-options.ts';
import { serve as runService } from '../service/service.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';

export interface ServeCommandOptions {
  readonly 'web.listenAddress'?: readonly string[];
  readonly 'web.config.file'?: string;
  readonly 'log.level': LogOptions['level'];
  readonly 'log.format'?: LogOptions['format'];
  readonly quickstart?: boolean;
}

/** What runs get to end by themselves when the service is asked to stop. */
const graceMs = 30_000;

/** `lowtide serve`: scheduler, runs and metrics until SIGTERM or Ctrl-C. */
export async function serve(context: CommandContext, options: ServeCommandOptions): Promise<ExitCode> {
  const { terminal, options: global } = context;
  const hangups = hangupsOf(terminal);
  const isQuickstart = options.quickstart === true && !existsSync(global.config);
  await using example = isQuickstart ? await quickstart(systemClock) : undefined;
  const configFile = example?.configFile ?? global.config;
  const loaded = await readConfig(configFile, terminal.env);
  // After a reload old secrets are still secrets.
  const redactors = [loaded.redact];
  const log = createLog({
    level: options['log.level'],
    format: options['log.format'] ?? (terminal.stderr.isTTY ? 'pretty' : 'json'),
    redact: (text) => redactors.reduce((rest, redact) => redact(rest), text),
    write: (line) => terminal.stderr.write(line),
  });
  for (const warning of loaded.warnings) log.warn(formatProblem(configFile, warning));
  await using installation = await openInstallation(loaded, terminal.env, { standsIn: true });
  await installation.takeEnvironmentKey();
  await runService({
    installation,
    listen: options['web.listenAddress'] ?? [loaded.config.server.listen],
    log,
    signal: terminal.signal,
    graceMs,
    ...(options['web.config.file'] !== undefined && { webConfigFile: options['web.config.file'] }),
    reload: {
      async read() {
        const changed = await readConfig(configFile, terminal.env);
        redactors.push(changed.redact);
        return changed;
      },
      listen: hangups.listen,
    },
    onReady(address, scheme, addresses) {
      log.info({ address: addresses.join(', '), scheme, config: loaded.file }, 'lowtide is up');
      if (example !== undefined) terminal.stdout.write(quickstartGuide(address, configFile));
    },
  });
  log.info('lowtide has stopped');
  return exitCodes.done;
}

/** SIGHUP is for a service from its first moment on: one that comes before it is up is heeded once it is. */
function hangupsOf({ onHangup }: Pick<CommandContext['terminal'], 'onHangup'>): {
  readonly listen: (reload: () => Promise<boolean>) => void;
} {
  let reload: (() => Promise<boolean>) | undefined;
  let cameEarly = false;
  onHangup(() => {
    if (reload === undefined) cameEarly = true;
    else void reload();
  });
  return {
    listen(given) {
      reload = given;
      if (cameEarly) void given();
    },
  };
}
