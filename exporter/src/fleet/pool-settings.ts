import { isDeepStrictEqual } from 'node:util';

/**
 * What all hosts of a pool have to say alike of a schedule of it: else it depends on who runs it what is backed up, when, and where
 * to. No URL, no secret and no command line is among it.
 */
export interface PoolSettings {
  readonly pool: string;
  readonly source: string;
  readonly every?: number;
  readonly cron?: string;
  readonly window?: string;
  readonly timezone: string;
  readonly max_delay: number;
  readonly priority: string;
  readonly stores: readonly string[];
}

/** A setting of a schedule that is not the same on two hosts of its pool. */
export interface Disagreement {
  readonly pool: string;
  readonly schedule: string;
  readonly setting: string;
  readonly hosts: readonly [one: string, other: string];
}

/** By host, what each has told. Of each schedule and setting, the first two hosts that differ. */
export function disagreements(
  told: ReadonlyMap<string, Readonly<Record<string, PoolSettings>>>,
): readonly Disagreement[] {
  const first = new Map<string, { readonly host: string; readonly settings: PoolSettings }>();
  const found = new Map<string, Disagreement>();
  for (const [host, schedules] of told) {
    for (const [schedule, settings] of Object.entries(schedules)) {
      const { pool } = settings;
      const key = JSON.stringify([pool, schedule]);
      const known = first.get(key);
      if (known === undefined) {
        first.set(key, { host, settings });
        continue;
      }
      for (const setting of differing(known.settings, settings)) {
        const at = JSON.stringify([key, setting]);
        if (!found.has(at)) found.set(at, { pool, schedule, setting, hosts: [known.host, host] });
      }
    }
  }
  return [...found.values()];
}

function differing(one: PoolSettings, other: PoolSettings): readonly string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof PoolSettings>;
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}
