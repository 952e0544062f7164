import { describe, expect, it } from 'vitest';
import { BackupMetrics, getBackupMetrics } from './metrics.ts';

describe('getBackupMetrics', () => {
  it('gives the same instance each time', () => {
    expect(getBackupMetrics()).toBe(getBackupMetrics());
  });

  it('records everything the original did, under its names', async () => {
    const metrics = new BackupMetrics();
    metrics.recordBackup({
      backupType: 'database',
      status: 'completed',
      durationSeconds: 45.2,
      sizeBytes: 100 * 2 ** 20,
      encryptionTime: 2.1,
      uploadTime: 12.5,
      cloudProvider: 'aws',
    });
    metrics.updateSuccessRate('database', 0.95);
    metrics.updateTotalSize('database', 10 * 2 ** 30);
    metrics.recordVerification('passed');
    metrics.recordRestore('completed');
    metrics.updateHealthStatus('disk_space', true);
    metrics.updateHealthStatus('encryption', false);
    metrics.updateDiskMetrics({ usagePercent: 75.5, freeBytes: 50 * 2 ** 40 });
    metrics.recordError('timeout');
    const lines = (await metrics.getMetrics())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{'));
    expect(lines).toEqual([
      'backup_total{type="database",status="completed"} 1',
      'backup_errors_total{error_type="timeout"} 1',
      'backup_verification_total{status="passed"} 1',
      'backup_restore_total{status="completed"} 1',
      'backup_duration_seconds_sum{type="database",status="completed"} 45.2',
      'backup_duration_seconds_count{type="database",status="completed"} 1',
      'backup_size_bytes_sum{type="database"} 104857600',
      'backup_size_bytes_count{type="database"} 1',
      'backup_encryption_time_seconds_sum 2.1',
      'backup_encryption_time_seconds_count 1',
      'backup_upload_time_seconds_sum{cloud_provider="aws"} 12.5',
      'backup_upload_time_seconds_count{cloud_provider="aws"} 1',
      'backup_success_rate{type="database"} 0.95',
      'backup_total_size_bytes{type="database"} 10737418240',
      'backup_health_status{check_type="disk_space"} 1',
      'backup_health_status{check_type="encryption"} 0',
      'backup_disk_usage_percent 75.5',
      'backup_disk_free_bytes 54975581388800',
    ]);
  });

  it('takes a failed backup without sizes, and an upload to a folder', async () => {
    const metrics = new BackupMetrics();
    metrics.recordBackup({ backupType: 'files', status: 'failed', durationSeconds: 3, uploadTime: 1 });
    const page = await metrics.getMetrics();
    expect(page).toContain('backup_total{type="files",status="failed"} 1\n');
    expect(page).toContain('backup_upload_time_seconds_count{cloud_provider="local"} 1\n');
    expect(page).not.toContain('backup_size_bytes_count');
  });

  it.each([NaN, Infinity])('refuses a figure of %d, and then counts nothing', async (figure) => {
    const metrics = new BackupMetrics();
    const before = await metrics.getMetrics();
    expect(() =>
      metrics.recordBackup({
        backupType: 'files',
        status: 'completed',
        durationSeconds: 1,
        sizeBytes: 1,
        uploadTime: figure,
      }),
    ).toThrow(TypeError);
    expect(await metrics.getMetrics()).toBe(before);
  });
});
