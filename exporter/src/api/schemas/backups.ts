import { z } from 'zod';
import { backupType, bytes, id, instant, itsHost, name, named, page } from './common.ts';
import { listOfHosts, ofHosts } from './hosts.ts';

const copy = named(
  'Copy',
  z
    .strictObject({
      store: z.string(),
      path: z.string().describe('where a person finds it'),
      status: z.enum(['good', 'failed', 'damaged', 'pruned']),
      keyId: z.string().describe('the key that this copy is sealed to; empty where another tool keeps it'),
      error: z.string().optional(),
      verifiedAt: instant.optional().describe('the last time, whatever was found'),
      readAt: instant
        .optional()
        .describe(
          'when it was last read in full in its turn (verify.full_read), and was what had been stored',
        ),
      healedAt: instant.optional().describe('when it was last made good from another copy'),
      prunedAt: instant.optional(),
      pruneReason: z.string().optional(),
    })
    .describe('A backup as it lies in one store.'),
);

const snapshot = named(
  'Snapshot',
  z
    .strictObject({
      tool: z.string().describe('whose it is: restic or pgbackrest'),
      repository: z.string(),
      id: z.string().describe('as the tool calls it'),
      restoreBy: z.string().describe('the command that restores it'),
    })
    .describe('Of a backup that another tool keeps: its one copy is what that tool has in its repository.'),
);

export const backup = named(
  'Backup',
  z
    .strictObject({
      id,
      host: itsHost,
      schedule: z.string(),
      type: backupType,
      status: z.enum(['completed', 'pruned']),
      createdAt: instant,
      sizeBytes: bytes.describe('before compression'),
      storedBytes: bytes.describe('of one copy; of a snapshot, what was new to its repository'),
      keyId: z.string().describe('empty where another tool keeps the backup'),
      source: z.strictObject({ type: z.string(), label: z.string() }).describe('what it was made of'),
      warnings: z.array(z.string()),
      copies: z.array(copy),
      snapshot: snapshot.optional(),
    })
    .describe('A backup, and where its copies lie.'),
);

const hash = z.string().describe('SHA-256, in hex');

/** As docs/stored-format.md has it: what lies beside the backup in every store. */
export const manifest = named(
  'Manifest',
  z
    .strictObject({
      formatVersion: z.literal(1),
      id,
      instance: z.string(),
      schedule: z.string(),
      type: backupType,
      source: z.strictObject({ type: z.string(), label: z.string() }),
      runId: z.string(),
      startedAt: instant,
      createdAt: instant,
      parts: z.array(
        z.strictObject({
          role: z.enum(['main', 'globals']),
          name: z.string().describe('of the object in the store'),
          format: z.string(),
          sizeBytes: bytes.describe('as the source gave it'),
          compressedBytes: bytes,
          compressedSha256: hash,
          payloadBytes: bytes.describe('behind the header'),
          payloadSha256: hash,
          headerBytes: bytes,
          headerSha256: hash,
        }),
      ),
      keyId: z.string(),
      recipients: z.array(z.string()).describe('all that it is sealed to'),
      tools: z.record(z.string(), z.string()),
      warnings: z.array(z.string()),
    })
    .describe(
      'Everything that a backup is known by, and nothing secret: its parts, their sizes and hashes, and its recipients.',
    ),
);

export const backupList = listOfHosts('BackupList', backup);

export const backupsQuery = z.strictObject({
  ...page,
  ...ofHosts,
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
