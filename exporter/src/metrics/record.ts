import type { BackupType } from '../source/source.ts';
import type { Metrics } from './registry.ts';

/** The `status` label of runs: an interrupted run has failed as well. */
export const runStatuses = ['completed', 'failed', 'cancelled'] as const;

export interface FinishedBackup {
  readonly type: BackupType;
  readonly status: (typeof runStatuses)[number];
  readonly durationSeconds: number;
  /** Absent where no backup came of the run. */
  readonly sizeBytes?: number;
  readonly encryptionSeconds?: number;
  readonly uploads?: readonly { readonly provider: string; readonly seconds: number }[];
}

export type BackupRecorders = Metrics<
  | 'backup_total'
  | 'backup_duration_seconds'
  | 'backup_size_bytes'
  | 'backup_encryption_time_seconds'
  | 'backup_upload_time_seconds'
>;

/** Counts one finished run. Throws a TypeError where a figure is no finite number; then nothing has been counted. */
export function recordFinishedBackup(metrics: BackupRecorders, backup: FinishedBackup): void {
  const { type, status, uploads = [] } = backup;
  const durationSeconds = measured(backup.durationSeconds);
  const sizeBytes = backup.sizeBytes === undefined ? undefined : measured(backup.sizeBytes);
  const encryption = backup.encryptionSeconds === undefined ? undefined : measured(backup.encryptionSeconds);
  const written = uploads.map(({ provider, seconds }) => ({ provider, seconds: measured(seconds) }));

  metrics.backup_total.inc({ type, status });
  metrics.backup_duration_seconds.observe({ type, status }, durationSeconds);
  if (sizeBytes !== undefined) metrics.backup_size_bytes.observe({ type }, sizeBytes);
  if (encryption !== undefined) metrics.backup_encryption_time_seconds.observe(encryption);
  for (const { provider, seconds } of written) {
    metrics.backup_upload_time_seconds.observe({ cloud_provider: provider }, seconds);
  }
}

/** A clock set back during a run gives a negative duration, which would make `_sum` fall: Prometheus takes that for a restart. */
function measured(value: number): number {
  if (!Number.isFinite(value)) throw new TypeError(`${String(value)} is no finite number`);
  return Math.max(0, value);
}
