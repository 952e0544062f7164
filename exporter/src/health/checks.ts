import type { StoreSpace } from '../store/store.ts';
import { formatDuration } from '../units/duration.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { usedRatio } from './disk.ts';
import type { WatchedSchedule, WatchedSource, WatchedStore } from './facts.ts';
import type { HealthCheck } from './health.ts';

/** Above this share a file system is called full: many slow down, and one more backup may not fit. */
const fullRatio = 0.95;

/** `neededBytes`: what the largest backup of late took, which the next one has to find free. */
export function checkDiskSpace(space: StoreSpace, neededBytes: number): HealthCheck {
  const free = `${formatSize(space.freeBytes)} of ${formatSize(space.totalBytes)} are free`;
  if (usedRatio(space) < fullRatio && space.freeBytes >= neededBytes) {
    return { type: 'disk_space', ok: true, message: `${free}.` };
  }
  const needed = space.freeBytes < neededBytes ? `, the largest backup takes ${formatSize(neededBytes)}` : '';
  return {
    type: 'disk_space',
    ok: false,
    message: `Only ${free}${needed}.`,
    hint: 'Keep fewer backups (`keep`) and run lowtide backups prune, or make the disk larger.',
  };
}

/** `findings` as the keystore gives them. */
export function checkEncryption(findings: readonly string[]): HealthCheck {
  if (findings.length === 0) {
    return { type: 'encryption', ok: true, message: 'The keystore is whole and private.' };
  }
  return {
    type: 'encryption',
    ok: false,
    message: sentences(findings),
    hint: 'The keystore is for its owner alone (folder 0700, files 0600); put a damaged key back from your copy of it.',
  };
}

export function checkSources(sources: readonly WatchedSource[]): HealthCheck {
  const troubled = sources.filter(({ trouble }) => trouble !== undefined);
  if (troubled.length === 0) return { type: 'sources', ok: true, message: 'Every source can be dumped.' };
  const [hint] = troubled.flatMap(({ trouble }) => trouble?.hint ?? []);
  return {
    type: 'sources',
    ok: false,
    message: sentences(troubled.map(({ schedule, trouble }) => `${schedule}: ${trouble?.message ?? ''}`)),
    hint: hint ?? 'Put it right, or the next backup fails; it is looked at again every ten minutes.',
  };
}

export function checkStores(stores: readonly WatchedStore[]): HealthCheck {
  const down = stores.filter((store) => store.lastCheck?.up === false);
  if (down.length === 0) {
    const unchecked = stores.filter((store) => store.lastCheck === undefined).map((store) => store.id);
    const answer = unchecked.length === 0 ? 'All stores answer' : `Not checked yet: ${unchecked.join(', ')}`;
    return { type: 'stores', ok: true, message: `${answer}.` };
  }
  return {
    type: 'stores',
    ok: false,
    message: sentences(
      down.map(
        ({ id, lastCheck }) =>
          `${id} cannot be used${lastCheck?.error === undefined ? '' : `: ${lastCheck.error}`}`,
      ),
    ),
    hint: 'Mount it, free space, or give the user that runs lowtide the right to write there; it is tried again every minute.',
  };
}

export function checkScheduler(schedules: readonly WatchedSchedule[], now: EpochMs): HealthCheck {
  const overdue = schedules.flatMap(({ id, nextRunAt, maxDelayMs }) =>
    nextRunAt !== undefined && nextRunAt + maxDelayMs < now ? [{ id, nextRunAt }] : [],
  );
  if (overdue.length === 0) return { type: 'scheduler', ok: true, message: 'No schedule is overdue.' };
  return {
    type: 'scheduler',
    ok: false,
    message: sentences(
      overdue.map(
        ({ id, nextRunAt }) =>
          `${id} was due at ${toRfc3339(nextRunAt)}, ${formatDuration(Math.floor((now - nextRunAt) / 60_000) * 60_000)} ago`,
      ),
    ),
    hint: 'Run it now with lowtide backup SCHEDULE; the log tells why it was put off.',
  };
}

/** `findings` as the catalog gives them. */
export function checkCatalog(findings: readonly string[]): HealthCheck {
  if (findings.length === 0) return { type: 'catalog', ok: true, message: 'The catalog can be written.' };
  return {
    type: 'catalog',
    ok: false,
    message: sentences(findings),
    hint: 'A catalog that is lost is made anew from the stores by lowtide catalog rebuild.',
  };
}

function sentences(texts: readonly string[]): string {
  return texts.map((text) => (text.endsWith('.') ? text : `${text}.`)).join(' ');
}
