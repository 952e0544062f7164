import { LowtideError } from '../errors/lowtide-error.ts';
import type { ScheduleProof } from '../catalog/catalog.ts';
import type { LatestDrills } from '../catalog/drills.ts';
import { bounded } from '../probe/bounded.ts';
import { recent, type Recent } from '../probe/recent.ts';
import type { EpochMs } from '../units/instant.ts';
import {
  checkCatalog,
  checkCopies,
  checkDiskSpace,
  checkEncryption,
  checkScheduler,
  checkSources,
  checkStores,
  type EncryptionFindings,
} from './checks.ts';
import type { DiskSpace } from './disk.ts';
import type { WaitingCopies, WatchedClock, WatchedSchedule, WatchedSource, WatchedStore } from './facts.ts';
import { checkRestoreProof } from './restore-proof.ts';

/** The `check_type` label of `backup_health_status`. */
export type CheckType =
  'catalog' | 'copies' | 'disk_space' | 'encryption' | 'restore_proof' | 'scheduler' | 'sources' | 'stores';

/** One thing that has to be in order for the next backup to succeed, or for the last ones to be of use. */
export interface HealthCheck {
  readonly type: CheckType;
  readonly ok: boolean;
  /** What was found, for people; it names places and never holds a secret. */
  readonly message: string;
  /** What to do about it; absent when all is well. */
  readonly hint?: string;
}

type DrillsBySchedule = Readonly<Record<string, LatestDrills>>;

export interface HealthSources {
  readonly disk: () => Promise<DiskSpace>;
  /** Stored bytes of the largest backup of late. */
  readonly largestBackupBytes: () => number | Promise<number>;
  readonly encryptionFindings: () => Promise<EncryptionFindings>;
  readonly catalogFindings: () => readonly string[] | Promise<readonly string[]>;
  /** By store; empty where nobody looks after them. */
  readonly waitingCopies: () => Readonly<Record<string, WaitingCopies>>;
  readonly stores: () => readonly WatchedStore[];
  readonly sources: () => readonly WatchedSource[];
  readonly schedules: () => readonly WatchedSchedule[];
  readonly proofs: () => readonly ScheduleProof[] | Promise<readonly ScheduleProof[]>;
  readonly drills: () => DrillsBySchedule | Promise<DrillsBySchedule>;
  readonly clock: () => WatchedClock | Promise<WatchedClock>;
  readonly now: () => EpochMs;
}

export interface HealthOptions {
  /** How long an answer is given again, so that many watchers cost no more than one. */
  readonly maxAgeMs?: number;
  /** A check that takes longer is a bad one. */
  readonly deadlineMs?: number;
}

/** Asks all checks, at the same time; never rejects. One that cannot be made is not ok, and says why. */
export function watchHealth(
  sources: HealthSources,
  options: HealthOptions = {},
): Recent<readonly HealthCheck[]> {
  const { maxAgeMs = 15_000, deadlineMs = 2000 } = options;
  const check = (
    type: CheckType,
    ask: () => HealthCheck | Promise<HealthCheck>,
  ): (() => Promise<HealthCheck>) => {
    const askBounded = bounded(`the check of ${type}`, ask, deadlineMs);
    return async () => {
      try {
        return await askBounded();
      } catch (thrown) {
        const error = LowtideError.from(thrown);
        return {
          type,
          ok: false,
          message: error.message,
          hint: error.hint ?? 'This check could not be made: the log may tell more.',
        };
      }
    };
  };
  const checks = [
    check('catalog', async () => checkCatalog(await sources.catalogFindings())),
    check('copies', () => checkCopies(sources.waitingCopies(), sources.now())),
    check('disk_space', async () => checkDiskSpace(await sources.disk(), await sources.largestBackupBytes())),
    check('encryption', async () => checkEncryption(await sources.encryptionFindings())),
    check('restore_proof', async () =>
      checkRestoreProof(await sources.proofs(), sources.schedules(), await sources.drills(), sources.now()),
    ),
    check('scheduler', async () => checkScheduler(sources.schedules(), await sources.clock(), sources.now())),
    check('sources', () => checkSources(sources.sources())),
    check('stores', () => checkStores(sources.stores())),
  ];
  return recent(() => Promise.all(checks.map((ask) => ask())), maxAgeMs, sources.now);
}
