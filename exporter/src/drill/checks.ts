import type { DrillCheck } from '../catalog/drills.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../process/child.ts';
import { formatDuration } from '../units/duration.ts';
import type { DrillPlace } from './place.ts';

type DrillChecksConfig = NonNullable<ScheduleConfig['verify']['drill_checks']>;

/** Where the config says nothing. */
const usualChecks: DrillChecksConfig = { rows: {}, amcheck: true, env: {}, timeout: 3_600_000 };

export interface Measured {
  readonly restoreSeconds: number;
  readonly dataAgeSeconds: number;
}

interface CheckOptions {
  readonly restored: readonly string[];
  readonly measured: Measured;
  readonly signal: AbortSignal;
}

/** All that the config asks for: one that fails does not keep the others from being made. */
export async function makeChecks(
  place: DrillPlace,
  given: DrillChecksConfig | undefined,
  options: CheckOptions,
): Promise<readonly DrillCheck[]> {
  const config = given ?? usualChecks;
  const { measured, signal } = options;
  const checks: DrillCheck[] = [...checkTimes(config, measured)];
  if (place.rows !== undefined && Object.keys(config.rows).length > 0) {
    checks.push(judgeRows(config.rows, await place.rows()));
  }
  if (place.amcheck !== undefined && config.amcheck) {
    const found = await place.amcheck();
    checks.push(
      found === undefined
        ? {
            name: 'amcheck',
            status: 'passed',
            message: 'pg_amcheck found nothing wrong with tables and indexes.',
          }
        : { name: 'amcheck', status: 'failed', message: found },
    );
  }
  signal.throwIfAborted();
  if (config.command !== undefined) checks.push(await runCommand(place, config, options));
  return checks;
}

export function checkTimes(
  config: Pick<DrillChecksConfig, 'max_restore_time' | 'max_data_age'>,
  { restoreSeconds, dataAgeSeconds }: Measured,
): readonly DrillCheck[] {
  const judge = (
    name: 'max_restore_time' | 'max_data_age',
    seconds: number,
    most: number | undefined,
    what: string,
  ): readonly DrillCheck[] => {
    if (most === undefined) return [];
    const took = formatDuration(Math.round(seconds) * 1000);
    const status = seconds * 1000 <= most ? 'passed' : 'failed';
    return [{ name, status, message: `${what} ${took}, and may be ${formatDuration(most)}.` }];
  };
  return [
    ...judge('max_restore_time', restoreSeconds, config.max_restore_time, 'The time to restore was'),
    ...judge('max_data_age', dataAgeSeconds, config.max_data_age, 'The age of the data was'),
  ];
}

/** A table without a schema is one of `public`, where there are schemas. */
export function judgeRows(
  least: Readonly<Record<string, number>>,
  counted: ReadonlyMap<string, number>,
): DrillCheck {
  const short = Object.entries(least).flatMap(([table, rows]) => {
    const found = counted.get(table) ?? counted.get(`public.${table}`);
    if (found === undefined) return [`there is no table ${table}`];
    return found < rows ? [`${table} has ${found} rows, and should have ${rows} at least`] : [];
  });
  const tables = Object.keys(least).length;
  return short.length === 0
    ? { name: 'rows', status: 'passed', message: `${tables} tables have the rows that they should have.` }
    : { name: 'rows', status: 'failed', message: `${short.join('; ')}.` };
}

async function runCommand(
  place: DrillPlace,
  { command, env, timeout }: DrillChecksConfig,
  { restored, signal }: CheckOptions,
): Promise<DrillCheck> {
  const [program, ...args] = command ?? [];
  if (program === undefined) throw new TypeError('a command has a program');
  const limit = AbortSignal.timeout(timeout);
  try {
    const end = await runChild(
      { argv: [program, ...args], env: { ...env, ...place.environment(restored) } },
      { signal: AbortSignal.any([signal, limit]) },
    );
    return end.exitCode === 0
      ? { name: 'command', status: 'passed', message: `${program} ended with 0.` }
      : { name: 'command', status: 'failed', message: describeEnd(end) };
  } catch (thrown) {
    signal.throwIfAborted();
    const message = limit.aborted
      ? `${program} did not end within ${formatDuration(timeout)}.`
      : LowtideError.from(thrown).message;
    return { name: 'command', status: 'failed', message };
  }
}
