import { z } from 'zod';
import { drill } from './drills.ts';
import { backupType, bytes, instant, itsHost, name, named, page, seconds } from './common.ts';
import { listOfHosts, ofHosts } from './hosts.ts';

const keepRules = {
  last: z.int().optional(),
  hourly: z.int().optional(),
  daily: z.int().optional(),
  weekly: z.int().optional(),
  monthly: z.int().optional(),
  yearly: z.int().optional(),
};

const keep = z
  .strictObject({
    ...keepRules,
    stores: z
      .record(z.string(), z.strictObject(keepRules))
      .optional()
      .describe('rules for single stores, in the place of those beside'),
  })
  .describe('how many backups stay, per period');

const priority = z.enum(['critical', 'high', 'medium', 'low']);
const share = z.number().gt(0).max(1);

const onDeadline = z
  .enum(['run', 'skip'])
  .describe('what becomes of an occurrence that the load still holds up when its time is over');
const ioPriority = z.enum(['normal', 'low', 'idle']);
const reason = {
  code: z
    .string()
    .describe(
      'cpu, memory, disk, one of these with _pressure or host_ (the host it names), capacity, store, network, server, cut_off or alert; of what was missed also still_running, interrupted and absent, or absent_after_ and what it had waited for',
    ),
  text: z.string(),
};

const expectedRun = z
  .strictObject({
    runs: z
      .int()
      .min(0)
      .describe('how many runs it was learned from; below three the guesses of the config stand'),
    durationSeconds: seconds,
    resources: z.strictObject({ cpu: share, memory: share }),
    sizeBytes: bytes.optional().describe('before compression'),
    storedBytes: bytes.optional().describe('of one copy'),
  })
  .describe('what the next run is expected to take, as plans reckon with it');

export const schedule = named(
  'Schedule',
  z
    .strictObject({
      id: name,
      host: itsHost,
      origin: z
        .enum(['config', 'api'])
        .describe('config: read-only but for run, pause, resume and skip-next'),
      like: name.optional().describe('the schedule whose source it backs up; of those from the API'),
      type: backupType,
      source: z.strictObject({ type: z.string(), label: z.string() }).describe('what is backed up'),
      everySeconds: seconds.optional().describe('either this or cron'),
      cron: z.string().optional(),
      intervalSeconds: seconds.describe('from one due time to the next'),
      window: z
        .strictObject({ start: z.string(), end: z.string() })
        .optional()
        .describe('local times, 02:00'),
      timezone: z.string(),
      loadHost: name
        .optional()
        .describe('the host whose load counts, of load.hosts in the config of its own; absent: its own'),
      priority,
      maxDelaySeconds: seconds,
      onDeadline,
      run: z
        .strictObject({ nice: z.int().min(0).max(19), ioPriority, pause: z.boolean() })
        .describe('how its runs make way for the host'),
      estimatedDurationSeconds: seconds,
      resources: z.strictObject({ cpu: share, memory: share }),
      expected: expectedRun.optional(),
      stores: z.array(z.string()),
      keep: keep.optional(),
      verifyAfterBackup: z.boolean(),
      drill: z
        .strictObject({
          everySeconds: seconds.optional().describe('either this or cron; both absent: only when asked for'),
          cron: z.string().optional(),
          dueAt: instant
            .optional()
            .describe('when the next one is due; it may wait for the host to be quiet'),
          last: drill.omit({ host: true }).optional().describe('the last that passed or failed'),
          lastPassedAt: instant.optional(),
        })
        .optional()
        .describe('restores of its newest backup for practice; absent where none are due, and none was made'),
      paused: z.boolean(),
      nextRunAt: instant
        .optional()
        .describe(
          'as planned; absent while paused or running, where there is no room for it or another host of its pool is to run it, and where nothing is to come',
        ),
      lastSuccessAt: instant.optional().describe('of a pool’s schedule, by whichever of its hosts'),
      runningRunId: z.string().optional(),
      deferral: z
        .strictObject({ ...reason, dueAt: instant, since: instant.describe('its first slot') })
        .optional()
        .describe('what the occurrence that is due now waits for'),
      lastMissed: z
        .strictObject({ dueAt: instant, at: instant, reason: z.strictObject(reason).optional() })
        .optional()
        .describe(
          'the last occurrence that no run was begun for, and why: mostly what it had waited for to the end',
        ),
    })
    .describe('When what is backed up, and how things stand with it.'),
);

export const scheduleList = listOfHosts('ScheduleList', schedule);

export const schedulesQuery = z.strictObject({ ...page, ...ofHosts });

/** The words of lowtide.yaml, which they are checked by as well. */
const text = (what: string) => z.string().min(1).max(200).describe(`as in lowtide.yaml: ${what}`);
const settings = {
  every: text('1d').nullable().optional(),
  cron: text('30 2 * * *').nullable().optional(),
  window: text('02:00-06:00').nullable().optional(),
  timezone: text('Europe/Madrid').optional(),
  priority: priority.optional(),
  max_delay: text('6h').optional(),
  on_deadline: onDeadline.optional(),
  run: z
    .strictObject({
      nice: z.int().min(0).max(19).optional(),
      io_priority: ioPriority.optional(),
      pause: z.boolean().optional(),
    })
    .optional(),
  estimated_duration: text('45m').optional(),
  resources: z.strictObject({ cpu: share.optional(), memory: share.optional() }).optional(),
  stores: z.array(name).min(1).max(20).optional(),
  keep: keep.nullable().optional(),
  verify: z.strictObject({ after_backup: z.boolean().optional() }).optional(),
};

export const newSchedule = named(
  'NewSchedule',
  z
    .strictObject({
      like: name.describe(
        'the schedule of the config file whose source is backed up, and whose settings count where none are given',
      ),
      ...settings,
    })
    .describe('A further schedule for the source of one in the config file. Null takes a setting away.'),
);

export const scheduleChange = named(
  'ScheduleChange',
  z.strictObject(settings).describe('What is to be different; null takes a setting away.'),
);
