import { z } from 'zod';
import { backupType, bytes, failure, id, instant, listOf, name, named, page, progress } from './common.ts';

const status = z.enum(['running', 'completed', 'failed', 'cancelled', 'interrupted']);

export const backupRun = named(
  'BackupRun',
  z
    .strictObject({
      kind: z.literal('backup'),
      id,
      schedule: z.string(),
      type: backupType,
      trigger: z.enum(['schedule', 'manual', 'api']).describe('manual: from the command line'),
      status,
      startedAt: instant,
      dueAt: instant.optional().describe('the occurrence of the schedule it is for'),
      finishedAt: instant.optional(),
      backupId: id.optional().describe('absent where no backup came of it'),
      sizeBytes: bytes.optional().describe('before compression'),
      storedBytes: bytes.optional().describe('of one copy'),
      error: failure.optional(),
      warnings: z.array(z.string()),
      progress: progress.optional().describe('while this service works on it'),
    })
    .describe('One run of a schedule.'),
);

const ofBackup = {
  id,
  backupId: id,
  status,
  startedAt: instant,
  finishedAt: instant.optional(),
  error: failure.optional(),
  warnings: z.array(z.string()),
  progress: progress.optional(),
};

export const verificationRun = named(
  'VerificationRun',
  z
    .strictObject({
      kind: z.literal('verification'),
      ...ofBackup,
      copies: z
        .array(
          z.strictObject({
            store: z.string(),
            status: z.enum(['passed', 'failed', 'unable']).describe('unable: nothing was learned about it'),
            error: failure.optional(),
            warnings: z.array(z.string()),
          }),
        )
        .optional()
        .describe('once it has ended'),
    })
    .describe('A verification of all copies of a backup. `failed` where a copy failed.'),
);

export const restoreRun = named(
  'RestoreRun',
  z
    .strictObject({
      kind: z.literal('restore'),
      ...ofBackup,
      target: z.string().describe('a name under restore_targets'),
      store: z.string().optional().describe('whose copy was taken'),
    })
    .describe('A restore of a backup.'),
);

export const run = named(
  'Run',
  z
    .discriminatedUnion('kind', [backupRun, verificationRun, restoreRun])
    .describe('Work that takes a while. Verifications and restores are forgotten when the service restarts.'),
);

export const backupRunList = listOf('BackupRunList', backupRun);

export const runsQuery = z.strictObject({
  ...page,
  schedule: name.optional().describe('of this schedule only'),
  status: status.optional().describe('in this state only'),
});

export const waitQuery = z.strictObject({
  wait: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: answer once it has ended, however long that takes'),
});
