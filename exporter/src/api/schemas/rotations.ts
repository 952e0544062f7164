import { z } from 'zod';
import { bytes, failure, id, instance, instant, itsHost, named, page, progress, seconds } from './common.ts';
import { listOfHosts, ofHosts } from './hosts.ts';
import { waitQuery } from './runs.ts';

const mode = z
  .enum(['rotate', 'rewrap', 'reencrypt'])
  .describe(
    'rotate: new backups use a new key, stored ones stay; rewrap: stored ones get new headers as well; reencrypt: they are encrypted anew',
  );
const atLowTide = z
  .boolean()
  .default(false)
  .describe('true: wait while the host is busier than load.high_water, for a day at most');
const bytesPerSecond = z
  .int()
  .min(1024 * 1024)
  .optional()
  .describe('encrypt at most so many anew; absent: as quickly as it goes');
const count = z.strictObject({ backups: z.int().min(0), bytes });

export const rotation = named(
  'Rotation',
  z
    .strictObject({
      id,
      host: itsHost,
      mode,
      status: z.enum(['running', 'completed', 'failed', 'cancelled', 'interrupted']),
      trigger: z.enum(['manual', 'policy', 'api']),
      by: z.string().optional().describe('who asked for it'),
      keyId: z.string().optional().describe('the key that backups are given to'),
      daysBack: z.int().optional().describe('older backups are left alone'),
      atLowTide: z.boolean().describe('whether it waits while the host is busy'),
      bytesPerSecond: bytesPerSecond.describe('at most so many are encrypted anew'),
      startedAt: instant,
      resumedAt: instant.optional().describe('the last time'),
      finishedAt: instant.optional(),
      cancelRequested: z.boolean(),
      waitsFor: z.string().optional().describe('why it waits just now, where it does'),
      pending: count,
      done: count,
      skipped: count,
      failed: count,
      error: failure.optional(),
      progress: progress.optional().describe('while it goes on'),
    })
    .describe('A rotation of keys. Anything but a completed one can be resumed.'),
);

export const rotationList = listOfHosts('RotationList', rotation);
export const rotationsQuery = z.strictObject({ ...page, ...ofHosts });

export const rotateQuery = z.strictObject({
  ...waitQuery.shape,
  host: instance
    .optional()
    .describe('on this host, as GET hosts has it, or on all: `*`; absent: on the one that answers'),
});

export const rotationPlan = named(
  'RotationPlan',
  z
    .strictObject({
      dryRun: z.literal(true),
      mode,
      daysBack: z.int().optional(),
      stores: z.array(
        z.strictObject({
          store: z.string(),
          backups: z.int(),
          bytes,
          requests: z.int().min(0).describe('to an object store, of any kind; 0 for a folder'),
          readBytes: bytes.describe('from an object store, over the network'),
          writtenBytes: bytes.describe('to an object store, over the network'),
        }),
      ),
      backups: z.int().min(0).describe('of which a copy is to be sealed anew'),
      bytes,
      skipped: z.array(z.strictObject({ code: z.string(), text: z.string(), copies: z.int(), bytes })),
      estimatedSeconds: seconds,
      neededBytes: bytes.describe('free in each store while it goes on'),
      retirableKeys: z.array(z.string()).describe('that no backup would depend on any more'),
      droppedRecipients: z
        .array(z.string())
        .describe(
          'recovery recipients that open copies now, and no longer afterwards: the config has dropped them',
        ),
      obstacles: z
        .array(z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }))
        .describe('what keeps it from being begun, or would end it in the middle, as things are now'),
      stillReadable: z
        .record(z.enum(['rotate', 'rewrap', 'reencrypt']), z.string())
        .describe('what a holder of the old key could still read, after each of the three'),
    })
    .describe('What a rotation would do now.'),
);

const wish = {
  mode: mode.default('rewrap'),
  daysBack: z.int().min(1).max(36_500).optional().describe('leave older backups alone'),
  atLowTide,
  bytesPerSecond,
};

/** What one host is asked for, and what several are. */
export const rotationWish = z.strictObject(wish);

export const newRotation = named(
  'NewRotation',
  z
    .strictObject({
      ...wish,
      dryRun: z.boolean().default(false).describe('true: answer what it would do, and change nothing'),
    })
    .describe('What to rotate, and how.'),
);

export const rotationOutcome = named(
  'RotationOutcome',
  z.union([rotation, rotationPlan]).describe('A rotation that has ended, or what one would do.'),
);
