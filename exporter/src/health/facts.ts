import type { BackupType } from '../source/source.ts';
import type { EpochMs } from '../units/instant.ts';

/** A configured schedule, as metrics and health checks look at it. */
export interface WatchedSchedule {
  readonly id: string;
  readonly type: BackupType;
  /** From one due time to the next. */
  readonly intervalSeconds: number;
  /** When it is to run next; absent while paused, and where nothing is to come. */
  readonly nextRunAt?: EpochMs;
  /** When a host of its pool last made a backup of it; absent where none has, or it belongs to no pool. */
  readonly completedInPoolAt?: EpochMs;
  /** How long after `nextRunAt` a start is still in order. */
  readonly maxDelayMs: number;
  /** From one restore drill to the next; absent where none are made by themselves. */
  readonly drillIntervalSeconds?: number;
}

/** A configured store, with what the last check in the background has found: nobody who only watches asks a store. */
export interface WatchedStore {
  readonly id: string;
  /** The `cloud_provider` label. */
  readonly provider: string;
  /** Absent before the first check. */
  readonly lastCheck?: { readonly up: boolean; readonly at: EpochMs; readonly error?: string };
}

/** Copies in one store that wait to be made good from others. */
export interface WaitingCopies {
  readonly copies: number;
  /** When the one that has waited longest was found to; absent where none waits. */
  readonly since?: EpochMs;
}

/** How steadily the clock of this host goes: everything is due by it. */
export interface WatchedClock {
  /** The last time that it was set by more than a minute, while this process watched. */
  readonly jump?: { readonly at: EpochMs; readonly byMs: number };
  /** When the newest event on record happened, by the clock of then; absent before the first. */
  readonly lastEventAt?: EpochMs;
}

/** What a configured schedule backs up, with what the last look in the background has found. */
export interface WatchedSource {
  readonly schedule: string;
  /** Why it could not be dumped; absent where it could. */
  readonly trouble?: { readonly message: string; readonly hint?: string };
}
