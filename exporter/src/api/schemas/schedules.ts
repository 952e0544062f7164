import { z } from 'zod';
import { backupType, instant, listOf, name, named, page, seconds } from './common.ts';

const keep = z
  .strictObject({
    last: z.int().optional(),
    hourly: z.int().optional(),
    daily: z.int().optional(),
    weekly: z.int().optional(),
    monthly: z.int().optional(),
    yearly: z.int().optional(),
  })
  .describe('how many backups stay, per period');

const priority = z.enum(['critical', 'high', 'medium', 'low']);
const share = z.number().gt(0).max(1);

export const schedule = named(
  'Schedule',
  z
    .strictObject({
      id: name,
      origin: z
        .enum(['config', 'api'])
        .describe('config: read-only but for run, pause, resume and skip-next'),
      like: name.optional().describe('the schedule whose source it backs up; of those from the API'),
      type: backupType,
      source: z.strictObject({ type: z.string(), label: z.string() }).describe('what is backed up'),
      everySeconds: seconds.optional().describe('either this or cron'),
      cron: z.string().optional(),
      window: z
        .strictObject({ start: z.string(), end: z.string() })
        .optional()
        .describe('local times, 02:00'),
      timezone: z.string(),
      priority,
      maxDelaySeconds: seconds,
      estimatedDurationSeconds: seconds,
      resources: z.strictObject({ cpu: share, memory: share }),
      stores: z.array(z.string()),
      keep: keep.optional(),
      verifyAfterBackup: z.boolean(),
      paused: z.boolean(),
      nextRunAt: instant.optional().describe('absent while paused or running, and where nothing is to come'),
      lastSuccessAt: instant.optional(),
      runningRunId: z.string().optional(),
    })
    .describe('When what is backed up, and how things stand with it.'),
);

export const scheduleList = listOf('ScheduleList', schedule);

export const schedulesQuery = z.strictObject(page);

/** The words of lowtide.yaml, which they are checked by as well. */
const text = (what: string) => z.string().min(1).max(200).describe(`as in lowtide.yaml: ${what}`);
const settings = {
  every: text('1d').nullable().optional(),
  cron: text('30 2 * * *').nullable().optional(),
  window: text('02:00-06:00').nullable().optional(),
  timezone: text('Europe/Madrid').optional(),
  priority: priority.optional(),
  max_delay: text('6h').optional(),
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
