import type { Load } from 'lowtide/api';
import type { EpochMs } from '../../format/format.ts';
import { overviewOf } from '../../overview/overview.ts';
import { named } from '../../hosts/hosts.ts';
import type { MessageKey } from '../../words/words.ts';
import type { Seen } from './look.ts';

export interface Figures {
  /** Schedules with a backup that is as new as it should be. */
  readonly fresh: number;
  readonly schedules: number;
  readonly next: { readonly schedule: string; readonly inSeconds: number } | undefined;
  readonly last: { readonly schedule: string; readonly agoSeconds: number } | undefined;
  /** Of one copy of each. */
  readonly storedBytes: number;
  readonly backups: number;
  readonly keyAgeSeconds: number | undefined;
  readonly keyPolicySeconds: number | undefined;
  /** The resource that is used most just now. */
  readonly busiest: { readonly key: MessageKey; readonly ratio: number } | undefined;
}

export function numbersOf({ status, schedules, runs, keys, slots, load }: Seen, now: EpochMs): Figures {
  const { findings } = overviewOf({ status: { checks: [] }, schedules, runs, keys: [] }, now);
  const stale = findings.filter(({ severity }) => severity === 'atRisk').length;
  const next = slots.find(({ start }) => Date.parse(start) > now);
  const [last] = [...schedules]
    .filter(({ lastSuccessAt }) => lastSuccessAt !== undefined)
    .sort((a, b) => ((a.lastSuccessAt ?? '') < (b.lastSuccessAt ?? '') ? 1 : -1));
  const active = keys.find(({ state, purpose }) => state === 'active' && purpose === 'backup');
  return {
    fresh: schedules.length - stale,
    schedules: schedules.length,
    next: next && {
      schedule: named(next.schedule, next.host),
      inSeconds: (Date.parse(next.start) - now) / 1000,
    },
    last: last && {
      schedule: named(last.id, last.host),
      agoSeconds: (now - Date.parse(last.lastSuccessAt ?? '')) / 1000,
    },
    storedBytes: keys.reduce((sum, { bytes }) => sum + bytes, 0),
    backups: keys.reduce((sum, each) => sum + each.backups, 0),
    keyAgeSeconds: active && (now - Date.parse(active.createdAt)) / 1000,
    keyPolicySeconds: status.encryption.maxKeyAgeSeconds,
    busiest: busiestOf(load),
  };
}

const names: Readonly<Record<Load['resources'][number]['resource'], MessageKey>> = {
  cpu: 'load.cpu',
  memory: 'load.memory',
  disk: 'load.disk',
};

function busiestOf({ resources }: Load): Figures['busiest'] {
  const latest = resources.flatMap(({ resource, samples }) => {
    const sample = samples.at(-1);
    return sample === undefined ? [] : [{ key: names[resource], ratio: sample.value }];
  });
  return latest.sort((a, b) => b.ratio - a.ratio)[0];
}
