import { resolve } from 'node:path';
import { windowLengthMs } from '../schedule/window.ts';
import { formatDuration } from '../units/duration.ts';
import type { Finding } from './explain.ts';
import { keepIn } from './keep.ts';
import { isPostgresUrl } from './location.ts';
import type { ConfigPath } from './problem.ts';
import type { WrittenConfig } from './schema.ts';
import { estimatedDuration } from './schedule-schema.ts';
import type { HeldSecret } from './secret-values.ts';

/** What works, and is perhaps not meant. */
export function warningsOf(
  config: WrittenConfig,
  secrets: readonly HeldSecret[],
  /** The permissions of the file, where they are known. */
  fileMode: number | undefined,
): readonly Finding[] {
  return [
    ...secretWarnings(secrets, fileMode),
    ...(config.encryption.passphrase === undefined && !isKeptByTools(config)
      ? [
          warning(
            ['encryption', 'passphrase'],
            'is missing: without it no key can be made, and no backup verified',
          ),
        ]
      : []),
    ...(config.instance === undefined && isPostgresUrl(config.state)
      ? [
          warning(
            ['instance'],
            'is missing, so that the name of this host counts: whoever is called otherwise tomorrow finds no state of his own',
          ),
        ]
      : []),
    ...storeWarnings(config),
    ...(config.schedules.length === 0 ? [warning(['schedules'], 'is empty: nothing will be backed up')] : []),
    ...config.schedules.flatMap((schedule, index) => scheduleWarnings(schedule, ['schedules', index])),
  ];
}

function secretWarnings(secrets: readonly HeldSecret[], fileMode: number | undefined): readonly Finding[] {
  const clear = secrets.filter(({ isClear }) => isClear);
  const onCommandLine = secrets.filter(({ path }) => path.includes('argv'));
  const others = (fileMode ?? 0) & 0o044;
  return [
    ...clear.map(({ path }) =>
      warning(
        path,
        'holds a secret in clear: move it to a variable or a file, and write ${env:NAME} or ${file:PATH}',
      ),
    ),
    ...onCommandLine.map(({ path }) =>
      warning(
        path,
        'puts a secret on a command line, which every user of this machine can read: hand it over in env',
      ),
    ),
    ...(clear.length > 0 && others !== 0
      ? [warning([], 'this file holds a secret in clear, and other users may read it: chmod 600')]
      : []),
  ];
}

/** Nothing is sealed then. */
function isKeptByTools({ schedules }: WrittenConfig): boolean {
  return schedules.length > 0 && schedules.every(({ stores }) => stores.length === 0);
}

function storeWarnings({ stores, schedules }: WrittenConfig): readonly Finding[] {
  const used = new Set(schedules.flatMap((schedule) => schedule.stores));
  return Object.keys(stores)
    .filter((name) => !used.has(name))
    .map((name) => ({ ...warning(['stores', name], 'is used by no schedule'), at: 'key' }));
}

function scheduleWarnings(
  schedule: WrittenConfig['schedules'][number],
  path: ConfigPath,
): readonly Finding[] {
  const { window, every, keep, stores, source } = schedule;
  const estimate = estimatedDuration(schedule);
  const findings: Finding[] = [];
  if (window !== undefined && windowLengthMs(window) < estimate) {
    const text = `is ${formatDuration(windowLengthMs(window))} long, shorter than the estimate of ${formatDuration(estimate)}: backups will end after it`;
    findings.push(warning([...path, 'window'], text));
  }
  if (every !== undefined && every < estimate) {
    const text = `is shorter than the estimate of ${formatDuration(estimate)}: the next backup is due before one is done`;
    findings.push(warning([...path, 'every'], text));
  }
  if (source.type === 'restic' && keepIn(keep, source.type) === undefined) {
    findings.push(
      warning([...path, 'keep'], 'names no rule: every snapshot stays, until the repository is full'),
    );
  }
  if (source.type === 'restic' && source.exclude.length === 0 && liesIn(source.repository, source.paths)) {
    findings.push(
      warning([...path, 'source', 'repository'], 'lies in what is backed up: move it, or exclude it'),
    );
  }
  const full = stores.filter((store) => keepIn(keep, store) === undefined);
  if (full.length > 0) {
    const which = full.length === stores.length ? '' : ` for ${full.join(', ')}`;
    const text = `names no rule${which}: every backup stays${which && ' there'}, until the store is full`;
    findings.push(warning([...path, 'keep'], text));
  }
  return findings;
}

function liesIn(repository: string, paths: readonly string[]): boolean {
  return paths.some((path) => `${resolve(repository)}/`.startsWith(`${resolve(path)}/`.replace('//', '/')));
}

function warning(path: ConfigPath, message: string): Finding {
  return { path, at: 'value', message };
}
