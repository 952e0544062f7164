import { z } from 'zod';
import {
  backupType,
  bytes,
  failure,
  id,
  instant,
  itsHost,
  name,
  named,
  page,
  progress,
  seconds,
} from './common.ts';
import { listOfHosts, ofHost, ofHosts, relayedRequest } from './hosts.ts';

const status = z.enum(['running', 'completed', 'failed', 'cancelled', 'interrupted']);

const share = z.number().min(0).max(1);

const metLoad = z
  .strictObject({
    met: share.describe('while it ran'),
    metPeak: z.boolean().describe('whether a resource was above its high-water mark meanwhile'),
    best: z
      .strictObject({ start: instant, load: share })
      .optional()
      .describe('the lowest it could have met, in hindsight; absent for a run by hand'),
    regret: share.optional().describe('by how much it met more than that'),
    fixed: z
      .strictObject({ start: instant, load: share, metPeak: z.boolean() })
      .optional()
      .describe('what a start at 02:00 would have met'),
    isFinal: z.boolean().describe('false: the window is not over, and a better start may come to be known'),
  })
  .describe("the host's own load, processors and memory weighed as the plan does");

export const backupRun = named(
  'BackupRun',
  z
    .strictObject({
      kind: z.literal('backup'),
      id,
      host: itsHost,
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
      pausedSeconds: seconds.describe(
        'for how long it was stopped while the host was busy; 0 until it has ended',
      ),
      use: z
        .strictObject({ cpu: share, memory: share })
        .optional()
        .describe(
          'what it took of this host, with its verification: of the processors the mean, of memory the most',
        ),
      unusual: z
        .array(
          z.strictObject({
            figure: z.enum(['duration', 'size']).describe('in seconds, in bytes before compression'),
            value: z.number(),
            low: z.number(),
            high: z.number(),
          }),
        )
        .optional()
        .describe('figures that lie beyond what is usual for the schedule'),
      load: metLoad.optional().describe('known some minutes after its end'),
      progress: progress.optional().describe('while this service works on it'),
    })
    .describe('One run of a schedule.'),
);

const ofBackup = {
  id,
  host: itsHost,
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
  z.discriminatedUnion('kind', [backupRun, verificationRun, restoreRun]).describe('Work that takes a while.'),
);

export const runLog = named(
  'RunLog',
  z
    .strictObject({
      lines: z.array(
        z.strictObject({ at: instant, level: z.enum(['info', 'warn', 'error']), message: z.string() }),
      ),
    })
    .describe('What a backup run has told of itself, in order; kept for 92 days.'),
);

export const backupRunList = listOfHosts('BackupRunList', backupRun);

export const runsQuery = z.strictObject({
  ...page,
  ...ofHosts,
  schedule: name.optional().describe('of this schedule only'),
  status: status.optional().describe('in this state only'),
});

export const waitQuery = z.strictObject({
  wait: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: answer once it has ended, however long that takes'),
});

/** As `waitQuery`, for what another host can be asked to do. */
export const relayableQuery = z.strictObject({ ...waitQuery.shape, ...ofHost });

export const runOrRequest = named(
  'RunOrRequest',
  z
    .discriminatedUnion('kind', [backupRun, relayedRequest])
    .describe('A run that has begun, or another host is asked for.'),
);

export const anyRunOrRequest = named(
  'AnyRunOrRequest',
  z
    .discriminatedUnion('kind', [backupRun, verificationRun, restoreRun, relayedRequest])
    .describe('A run that is being ended, or another host is asked to end.'),
);
