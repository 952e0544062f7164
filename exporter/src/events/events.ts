import type { EpochMs } from '../units/instant.ts';

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
    }
  | { readonly name: 'run:deferred'; readonly schedule: string; readonly reason: string }
  | { readonly name: 'backup:verified'; readonly backupId: string; readonly status: 'passed' | 'failed' }
  | { readonly name: 'backup:restored'; readonly backupId: string; readonly status: 'completed' | 'failed' }
  | { readonly name: 'backup:pruned'; readonly backupId: string; readonly reason: string }
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
