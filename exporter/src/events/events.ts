import type { EpochMs } from '../units/instant.ts';

/** Why nothing was run: nobody was there, or awake, when it could have begun. */
export const absent = 'absent';

/** It was begun, was cut off as Lowtide ended or its host was not heard of any more, and then its time was over. */
export const interrupted = 'interrupted';

/** The run before it was going on all the time. */
export const stillRunning = 'still_running';

/** The same as `absent` where it had waited for something before: then by its code, as `absent_after_cpu`. */
export function absentAfter(reason: string): string {
  return `${absent}_after_${reason}`;
}

/** What it had waited for before nobody was there; undefined where that is not why. */
export function waitedForBefore(reason: string): string | undefined {
  const begins = absentAfter('');
  return reason.startsWith(begins) ? reason.slice(begins.length) : undefined;
}

/** Whether it is what an occurrence waited for to the end of its time. */
export function isWaitedFor(reason: string): boolean {
  return reason !== absent && reason !== interrupted && waitedForBefore(reason) === undefined;
}

/**
 * What happened, in the order it happened. The catalog keeps events durably (`sequence` grows by one), and everything
 * that only watches (metrics, live views, logs) follows them: nothing calls the watchers, and a restart loses none.
 */
export type EventBody =
  | {
      readonly name: 'run:started';
      readonly runId: string;
      readonly schedule: string;
      /** The occurrence the run is for; absent for one asked for by hand. */
      readonly dueAt?: EpochMs;
    }
  | {
      readonly name: 'run:finished';
      readonly runId: string;
      readonly schedule: string;
      readonly type: 'database' | 'files' | 'command';
      readonly status: 'completed' | 'failed' | 'cancelled' | 'interrupted';
      readonly durationSeconds: number;
      /** How long of it the run was stopped for a busy host; absent where it never was. */
      readonly pausedSeconds?: number;
      /** Of the finished backup; absent unless completed. */
      readonly sizeBytes?: number;
      readonly encryptionSeconds?: number;
      readonly uploads?: readonly { readonly provider: string; readonly seconds: number }[];
      /** Label of `backup_errors_total`; absent when completed. */
      readonly errorType?: string;
    }
  | {
      readonly name: 'run:missed';
      readonly schedule: string;
      /** Of the last one. */
      readonly dueAt: EpochMs;
      /** How many occurrences in a row, when a host was off. */
      readonly occurrences: number;
      /** What the last one waited for to the end, as in `run:deferred`, or why it did not wait to the end, as `absent`. */
      readonly reason?: string;
    }
  | { readonly name: 'run:deferred'; readonly schedule: string; readonly reason: string }
  | {
      /** A completed run took far longer than earlier ones, or its backup is far larger or smaller. */
      readonly name: 'run:unusual';
      readonly runId: string;
      readonly schedule: string;
      readonly figure: 'duration' | 'size';
      /** Seconds, or bytes before compression; usual is what lies between `low` and `high`. */
      readonly value: number;
      readonly low: number;
      readonly high: number;
    }
  | {
      /**
       * The window of a completed run is over: what load it met, the lowest it could have met, and that of a start at 02:00, all
       * shares of the host. What is not known is absent.
       */
      readonly name: 'run:reviewed';
      readonly runId: string;
      readonly schedule: string;
      readonly load?: number;
      readonly bestLoad?: number;
      readonly fixedLoad?: number;
      /** Whether a resource was above its high-water mark meanwhile. */
      readonly metPeak?: boolean;
      readonly fixedMetPeak?: boolean;
    }
  | { readonly name: 'backup:verified'; readonly backupId: string; readonly status: 'passed' | 'failed' }
  | { readonly name: 'backup:restored'; readonly backupId: string; readonly status: 'completed' | 'failed' }
  | {
      /** A copy was read in full in its turn, and found to be what was stored; one that is not is `backup:verified`, failed. */
      readonly name: 'backup:read';
      readonly backupId: string;
      readonly store: string;
      readonly bytes: number;
    }
  | {
      /** A copy was made good from another one, or could not be. */
      readonly name: 'backup:healed';
      readonly backupId: string;
      readonly store: string;
      readonly status: 'completed' | 'failed';
      /** That were written; of those that completed. */
      readonly bytes?: number;
      /** Label of `backup_errors_total`; of those that failed. */
      readonly errorType?: string;
    }
  | { readonly name: 'backup:pruned'; readonly backupId: string; readonly reason: string }
  | {
      readonly name: 'drill:started';
      readonly drillId: string;
      readonly schedule: string;
      readonly backupId: string;
    }
  | {
      readonly name: 'drill:finished';
      readonly drillId: string;
      readonly schedule: string;
      readonly backupId: string;
      readonly status: 'passed' | 'failed' | 'cancelled' | 'interrupted';
      /** How old the data was. */
      readonly dataAgeSeconds: number;
      /** Absent where it did not come to data that can be used. */
      readonly restoreSeconds?: number;
      /** Label of `backup_errors_total`; of those that failed. */
      readonly errorType?: string;
    }
  | {
      readonly name: 'rotation:started';
      readonly rotationId: string;
      readonly mode: 'rotate' | 'rewrap' | 'reencrypt';
      readonly trigger: 'manual' | 'policy' | 'api';
      /** Who asked for it. */
      readonly by?: string;
      /** It goes on where an earlier attempt had stopped. */
      readonly resumed?: boolean;
    }
  | {
      /** How far it has come: backups that were dealt with since the last of these. */
      readonly name: 'rotation:backups';
      readonly rotationId: string;
      readonly mode: 'rotate' | 'rewrap' | 'reencrypt';
      readonly done: number;
      readonly skipped: number;
      readonly failed: number;
      /** Sealed anew, all copies. */
      readonly bytes: number;
    }
  | {
      readonly name: 'rotation:finished';
      readonly rotationId: string;
      readonly mode: 'rotate' | 'rewrap' | 'reencrypt';
      readonly status: 'completed' | 'failed' | 'cancelled' | 'interrupted';
      /** Over all attempts. */
      readonly done: number;
      readonly skipped: number;
      readonly failed: number;
    }
  | {
      /** Something was done to a key: for the audit, with who, and never a secret. */
      readonly name: 'key:changed';
      readonly keyId: string;
      readonly change: 'created' | 'imported' | 'retired' | 'destroyed' | 'exported';
      readonly by?: string;
      readonly rotationId?: string;
    }
  | { readonly name: 'error'; readonly errorType: string };

export interface StoredEvent {
  readonly sequence: number;
  readonly at: EpochMs;
  readonly body: EventBody;
}
