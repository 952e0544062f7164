/** The public names of the package. Importing it opens nothing and starts nothing. */
export { BackupEncryption, BackupKey } from './library/encryption.ts';
export { BackupManager, type BackupManagerOptions, type BackupOutcome } from './library/manager.ts';
export {
  BackupKeyRotator,
  type BackupKeyRotatorOptions,
  type KeyInfo,
  type KeyRotationRequest,
  type KeyRotationResult,
} from './library/key-rotator.ts';
export { BackupMetrics, getBackupMetrics, type BackupRecord } from './library/metrics.ts';
export {
  BackupPriority,
  IntelligentBackupScheduler,
  type BackupSchedule,
  type IntelligentBackupSchedulerOptions,
  type ScheduledBackup,
} from './library/scheduler.ts';
export { LowtideError } from './errors/lowtide-error.ts';
export type { ErrorCode } from './errors/codes.ts';
export { version } from './version.ts';
