import { formatDuration } from '../units/duration.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { usedRatio, type DiskSpace } from './disk.ts';
import type { WaitingCopies, WatchedClock, WatchedSchedule, WatchedSource, WatchedStore } from './facts.ts';
import type { HealthCheck } from './health.ts';

/** Above this share a file system is called full: many slow down, and one more backup may not fit. */
const fullRatio = 0.95;

/** `neededBytes`: what the largest backup of late took, which the next one has to find free. */
export function checkDiskSpace(space: DiskSpace, neededBytes: number): HealthCheck {
  const free = `${formatSize(space.freeBytes)} of ${formatSize(space.totalBytes)} are free at ${space.path}`;
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

/** Sentences that name their remedy: what is wrong with the keystore, and with the age of its key. */
export interface EncryptionFindings {
  readonly keystore: readonly string[];
  readonly age: readonly string[];
  /** There is no store: nothing is sealed, and no key is needed. */
  readonly isUnused?: boolean;
}

export function checkEncryption({ keystore, age, isUnused = false }: EncryptionFindings): HealthCheck {
  if (isUnused) return { type: 'encryption', ok: true, message: 'There is no store, and nothing to seal.' };
  if (keystore.length + age.length === 0) {
    return { type: 'encryption', ok: true, message: 'The keystore is whole, private, and opens.' };
  }
  return {
    type: 'encryption',
    ok: false,
    message: sentences([...keystore, ...age]),
    hint:
      keystore.length === 0
        ? 'lowtide rotate changes the key; encryption.rotation does so by itself.'
        : 'The keystore is for its owner alone (folder 0700, files 0600), and needs the passphrase it was made with; put a damaged key back from your copy of it.',
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

/** A store that was down is back within that time, and the host quiet once. */
const copiesMayWaitMs = 86_400_000;

/** Whether each backup has its copies in all stores that its schedule names. */
export function checkCopies(waiting: Readonly<Record<string, WaitingCopies>>, now: EpochMs): HealthCheck {
  const stores = Object.entries(waiting).filter(([, { copies }]) => copies > 0);
  const late = stores.filter(([, { since = now }]) => now - since > copiesMayWaitMs);
  const told = (those: typeof stores): string =>
    sentences(
      those.map(([store, { copies, since = now }]) => {
        const have = copies === 1 ? '1 copy has' : `${copies} copies have`;
        return `${have} waited to be made good in store ${store}, for up to ${formatDuration(wholeMinutes(now - since))}`;
      }),
    );
  if (late.length === 0) {
    const message = stores.length === 0 ? 'No copy is known to be missing or damaged.' : told(stores);
    return { type: 'copies', ok: true, message };
  }
  return {
    type: 'copies',
    ok: false,
    message: told(late),
    hint: 'The log says what is in the way; `lowtide backups heal` makes them good now.',
  };
}

function wholeMinutes(durationMs: number): number {
  return Math.floor(durationMs / 60_000) * 60_000;
}

/** How long a clock that was set is spoken of: until somebody has had a chance to see it. */
const jumpShownMs = 3_600_000;
/** Two hosts that share a state are not set to the second. */
const aheadMs = 5 * 60_000;

export function checkScheduler(
  schedules: readonly WatchedSchedule[],
  clock: WatchedClock,
  now: EpochMs,
): HealthCheck {
  const overdue = schedules.flatMap(({ id, nextRunAt, maxDelayMs }) =>
    nextRunAt !== undefined && nextRunAt + maxDelayMs < now
      ? [`${id} was due at ${toRfc3339(nextRunAt)}, ${formatMinutes(now - nextRunAt)} ago`]
      : [],
  );
  const wrongClock = clockFindings(clock, now);
  if (overdue.length + wrongClock.length === 0) {
    return { type: 'scheduler', ok: true, message: 'No schedule is overdue, and the clock goes steadily.' };
  }
  return {
    type: 'scheduler',
    ok: false,
    message: sentences([...overdue, ...wrongClock]),
    hint:
      overdue.length === 0
        ? 'Let the clock be kept by NTP (timedatectl, chronyc tracking): schedules are due by it.'
        : 'Run it now with lowtide backup SCHEDULE; the log tells why it was put off.',
  };
}

function clockFindings({ jump, lastEventAt = -Infinity }: WatchedClock, now: EpochMs): readonly string[] {
  if (lastEventAt - now > aheadMs) {
    return [
      `the clock says ${toRfc3339(now)}, and what happened last is on record for ${toRfc3339(lastEventAt)}: it was set back, or stood ahead`,
    ];
  }
  const age = now - (jump?.at ?? -Infinity);
  if (jump === undefined || age < 0 || age > jumpShownMs) return [];
  const way = jump.byMs < 0 ? 'back' : 'forward';
  return [
    `the clock of this host was set ${way} by ${formatMinutes(Math.abs(jump.byMs))} at ${toRfc3339(jump.at)}`,
  ];
}

function formatMinutes(ms: number): string {
  return formatDuration(Math.floor(ms / 60_000) * 60_000);
}

/** `findings` as the catalog gives them. */
export function checkCatalog(findings: readonly string[]): HealthCheck {
  if (findings.length === 0) return { type: 'catalog', ok: true, message: 'The catalog can be written.' };
  return {
    type: 'catalog',
    ok: false,
    message: sentences(findings),
    hint: 'Give it room, and the user that runs lowtide the right to write there; one that is lost or damaged is made anew from the stores by lowtide catalog rebuild.',
  };
}

function sentences(texts: readonly string[]): string {
  return texts.map((text) => (text.endsWith('.') ? text : `${text}.`)).join(' ');
}
