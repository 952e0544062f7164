import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../config/read.ts';
import type { Config } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { InTurn } from '../probe/in-turn.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { EpochMs } from '../units/instant.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

/** How the service learns that its config file has changed. */
export interface ReloadSource {
  /** Reads the config anew. Throws where it cannot be used. */
  read(): Promise<LoadedConfig>;
  /** Hands over what is to be called for a reload; it answers whether the config was taken up. */
  listen(reload: () => Promise<boolean>): void;
}

export interface ReloadOptions {
  readonly source: ReloadSource;
  readonly current: () => LoadedConfig;
  /** Takes up a config; throws before anything has changed, or not at all. */
  readonly adopt: (loaded: LoadedConfig) => Promise<void>;
  readonly reloadWebConfig: () => Promise<void>;
  readonly metrics: ReloadMetrics;
  readonly now: () => EpochMs;
  readonly log: Logger;
}

export type ReloadMetrics = Metrics<
  | 'lowtide_config_last_reload_successful'
  | 'lowtide_config_last_reload_success_timestamp_seconds'
  | 'lowtide_web_config_last_reload_successful'
  | 'lowtide_web_config_last_reload_success_timestamp_seconds'
>;

/** What a process has opened, and cannot exchange while it runs. */
const restartOnly: readonly {
  readonly key: string;
  readonly of: (config: Config) => unknown;
}[] = [
  { key: 'instance', of: (config) => config.instance },
  { key: 'state', of: (config) => config.state },
  { key: 'local', of: (config) => config.local },
  { key: 'server.listen', of: (config) => config.server.listen },
  { key: 'server.web_config_file', of: (config) => config.server.web_config_file },
  { key: 'load', of: (config) => config.load },
];

/** Takes up the config file whole or not at all: a mistake in it leaves the one before in force, and shows in the metrics. */
export function reloader(options: ReloadOptions): () => Promise<boolean> {
  const { source, current, adopt, reloadWebConfig, metrics, now, log } = options;
  const turns = new InTurn();
  const reload = async (): Promise<boolean> => {
    await reloadWebConfig();
    try {
      const loaded = await source.read();
      refuseRestartOnly(current().config, loaded.config);
      await adopt(loaded);
      for (const { path, message } of loaded.warnings) log.warn({ path }, message);
      metrics.lowtide_config_last_reload_successful.set(1);
      metrics.lowtide_config_last_reload_success_timestamp_seconds.set(now() / 1000);
      log.info({ config: loaded.file }, 'the config was read again');
      return true;
    } catch (thrown) {
      metrics.lowtide_config_last_reload_successful.set(0);
      log.error(
        { err: describe(thrown) },
        'the changed config cannot be used: the one before stays in force',
      );
      return false;
    }
  };
  // The last signal last.
  return () => turns.do(reload);
}

/** At the start both were read, just now. */
export function beginReloadMetrics(metrics: ReloadMetrics, now: EpochMs): void {
  metrics.lowtide_config_last_reload_successful.set(1);
  metrics.lowtide_config_last_reload_success_timestamp_seconds.set(now / 1000);
  metrics.lowtide_web_config_last_reload_successful.set(1);
  metrics.lowtide_web_config_last_reload_success_timestamp_seconds.set(now / 1000);
}

export function webReloadObserver(
  metrics: ReloadMetrics,
  now: () => EpochMs,
  log: Logger,
): (error: LowtideError | undefined) => void {
  return (error) => {
    metrics.lowtide_web_config_last_reload_successful.set(error === undefined ? 1 : 0);
    if (error === undefined) {
      metrics.lowtide_web_config_last_reload_success_timestamp_seconds.set(now() / 1000);
      log.info('the web config was read again');
    } else {
      log.error(
        { err: describe(error) },
        'the changed web config cannot be used: the one before stays in force',
      );
    }
  };
}

function refuseRestartOnly(before: Config, after: Config): void {
  const changed = restartOnly
    .filter(({ of }) => !isDeepStrictEqual(of(before), of(after)))
    .map(({ key }) => key);
  if (changed.length === 0) return;
  throw new LowtideError('config_invalid', `${changed.join(', ')} cannot be changed while lowtide runs`, {
    hint: 'Restart it, or take that change back to reload the others.',
  });
}
