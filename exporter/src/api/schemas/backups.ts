import { z } from 'zod';
import { backupType, bytes, id, instant, listOf, name, named, page } from './common.ts';

const copy = named(
  'Copy',
  z
    .strictObject({
      store: z.string(),
      path: z.string().describe('where a person finds it'),
      status: z.enum(['good', 'failed', 'damaged', 'pruned']),
      keyId: z.string().describe('the key that this copy is sealed to'),
      error: z.string().optional(),
      verifiedAt: instant.optional().describe('the last time, whatever was found'),
      prunedAt: instant.optional(),
      pruneReason: z.string().optional(),
    })
    .describe('A backup as it lies in one store.'),
);

export const backup = named(
  'Backup',
  z
    .strictObject({
      id,
      schedule: z.string(),
      type: backupType,
      status: z.enum(['completed', 'pruned']),
      createdAt: instant,
      sizeBytes: bytes.describe('before compression'),
      storedBytes: bytes.describe('of one copy'),
      keyId: z.string(),
      source: z.strictObject({ type: z.string(), label: z.string() }).describe('what it was made of'),
      warnings: z.array(z.string()),
      copies: z.array(copy),
    })
    .describe('A backup, and where its copies lie.'),
);

export const backupList = listOf('BackupList', backup);

export const backupsQuery = z.strictObject({
  ...page,
  schedule: name.optional().describe('of this schedule only'),
  status: z.enum(['completed', 'pruned']).optional().describe('in this state only'),
  key: id.optional().describe('sealed to this key only'),
});

export const restoreRequest = named(
  'RestoreRequest',
  z
    .strictObject({
      target: name.describe('a name under restore_targets of the config'),
      force: z
        .boolean()
        .default(false)
        .describe('replace what is there; only where the target says overwrite: true'),
    })
    .describe('Where to restore to.'),
);
