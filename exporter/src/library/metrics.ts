import type { HealthCheck } from '../health/health.ts';
import { readFamilies, renderPage } from '../metrics/exposition.ts';
import { classicNames } from '../metrics/names.ts';
import { recordFinishedBackup, type FinishedBackup } from '../metrics/record.ts';
import { createMetrics } from '../metrics/registry.ts';
import type { BackupType } from '../source/source.ts';

export interface BackupRecord {
  readonly backupType: BackupType;
  readonly status: FinishedBackup['status'];
  readonly durationSeconds: number;
  readonly sizeBytes?: number;
  /** Seconds. */
  readonly encryptionTime?: number;
  /** Seconds. */
  readonly uploadTime?: number;
  /** Where the upload went, `local` for a folder (the default). */
  readonly cloudProvider?: string;
}

/**
 * The metrics of backups made by a program of one's own, to be served from its own `/metrics`. They live in memory, on a
 * registry of their own; `lowtide serve` has the same names and more, from its state.
 */
export class BackupMetrics {
  readonly #created = createMetrics(classicNames, { process: false });
  readonly #metrics = this.#created.metrics;

  /** Throws a TypeError where a figure is no finite number; then nothing has been counted. */
  recordBackup(backup: BackupRecord): void {
    const { backupType, status, durationSeconds, sizeBytes, encryptionTime, uploadTime } = backup;
    recordFinishedBackup(this.#metrics, {
      type: backupType,
      status,
      durationSeconds,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(encryptionTime !== undefined && { encryptionSeconds: encryptionTime }),
      ...(uploadTime !== undefined && {
        uploads: [{ provider: backup.cloudProvider ?? 'local', seconds: uploadTime }],
      }),
    });
  }

  /** `rate` from 0 to 1. */
  updateSuccessRate(backupType: BackupType, rate: number): void {
    this.#metrics.backup_success_rate.set({ type: backupType }, rate);
  }

  updateTotalSize(backupType: BackupType, sizeBytes: number): void {
    this.#metrics.backup_total_size_bytes.set({ type: backupType }, sizeBytes);
  }

  recordVerification(status: 'passed' | 'failed'): void {
    this.#metrics.backup_verification_total.inc({ status });
  }

  recordRestore(status: FinishedBackup['status']): void {
    this.#metrics.backup_restore_total.inc({ status });
  }

  updateHealthStatus(checkType: HealthCheck['type'] | (string & {}), ok: boolean): void {
    this.#metrics.backup_health_status.set({ check_type: checkType }, ok ? 1 : 0);
  }

  /** `usagePercent` from 0 to 100. */
  updateDiskMetrics(disk: { readonly usagePercent: number; readonly freeBytes: number }): void {
    this.#metrics.backup_disk_usage_percent.set(disk.usagePercent);
    this.#metrics.backup_disk_free_bytes.set(disk.freeBytes);
  }

  /** `errorType` should have few values: it is a label. */
  recordError(errorType: string): void {
    this.#metrics.backup_errors_total.inc({ error_type: errorType });
  }

  /** The page in the Prometheus text format; its content type is `text/plain; version=0.0.4`. */
  async getMetrics(): Promise<string> {
    const families = await readFamilies(this.#created.registry, (_metric, error) => {
      throw error;
    });
    return renderPage(families, 'text').text;
  }
}

let shared: BackupMetrics | undefined;

/** The one instance of this process, made when first asked for. */
export function getBackupMetrics(): BackupMetrics {
  return (shared ??= new BackupMetrics());
}
