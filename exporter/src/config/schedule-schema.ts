import { z } from 'zod';
import { parseCron, shortestGapMs } from '../schedule/cron.ts';
import {
  cron,
  cronOrInterval,
  duration,
  interval,
  name,
  ratio,
  timezone,
  weekOrMore,
  windowOfDay,
} from './scalars.ts';
import { sourceSchema, variablesSchema } from './source-schema.ts';

/** The shape of one of the schedules of `lowtide.yaml`. */

const kept = (which: string) => z.int().min(1).max(10_000).optional().describe(`how many ${which} stay`);

const keepRules = {
  last: kept('of the newest backups'),
  hourly: kept('hours with a backup (its newest)'),
  daily: kept('days with a backup (its newest)'),
  weekly: kept('weeks with a backup (its newest)'),
  monthly: kept('months with a backup (its newest)'),
  yearly: kept('years with a backup (its newest)'),
};

const keepSchema = z.strictObject({
  ...keepRules,
  stores: z
    .record(name, z.strictObject(keepRules).describe('how many backups stay in this store, per period'))
    .optional()
    .describe('rules for single stores, by name: in these they stand in the place of those beside'),
});

const drillChecksSchema = z.strictObject({
  rows: z
    .record(z.string().min(1), z.int().min(0).describe('how many rows it has at least'))
    .default({})
    .meta({
      description: 'how many rows tables have at least, by name (orders, or sales.orders)',
      examples: [{ orders: 1000 }],
    }),
  amcheck: z.boolean().default(true).describe('whether pg_amcheck looks at a PostgreSQL database'),
  command: z
    .array(z.string().describe('a word'))
    .min(1)
    .optional()
    .meta({
      description:
        'a program of your own and its arguments, which ends with 0 where all is well; it finds what was restored by PGHOST, PGDATABASE and the like, or by LOWTIDE_RESTORED',
      examples: [['./check-orders.sh']],
    }),
  env: variablesSchema.default({}).describe('variables for that command: the place for its secrets'),
  timeout: duration.prefault('1h').describe('how long that command may take'),
  max_restore_time: duration.optional().describe('a restore that takes longer fails the drill (RTO)'),
  max_data_age: duration.optional().describe('data that is older when the drill begins fails it (RPO)'),
});

export const scheduleSchema = z
  .strictObject({
    id: name.describe('the name of the schedule, in backups, metrics and commands'),
    source: sourceSchema.describe('what is backed up'),
    host: name
      .optional()
      .describe(
        'the host whose load counts, a name under load.hosts: that of a remote database; absent: this one',
      ),
    every: interval.optional().describe('the time between two backups; either this or cron'),
    cron: cron
      .optional()
      .describe('when a backup is due: minute, hour, day, month, weekday; either this or every'),
    window: windowOfDay
      .optional()
      .describe('when a backup may start, local to timezone; it may cross midnight; absent: at any time'),
    timezone: timezone.optional().meta({
      description: "the zone of window and cron; absent: the host's",
      examples: ['Europe/Madrid', 'UTC'],
    }),
    priority: z
      .enum(['critical', 'high', 'medium', 'low'])
      .default('medium')
      .describe('which of several due backups goes first'),
    max_delay: duration.prefault('6h').describe('how long after its window a backup may still start'),
    on_deadline: z
      .enum(['run', 'skip'])
      .default('run')
      .describe(
        'what becomes of a backup that the load still holds up when its time is over: run starts it all the same, skip passes it over',
      ),
    run: z
      .strictObject({
        nice: z
          .int()
          .min(0)
          .max(19)
          .default(10)
          .describe(
            'how far its programs stand back for others at the processors, as in nice(1); 0: not at all',
          ),
        io_priority: z
          .enum(['normal', 'low', 'idle'])
          .default('low')
          .describe(
            'how far they stand back at the disk, where its scheduler heeds that: low is the lowest of the best-effort class, idle only what nobody else wants',
          ),
        pause: z
          .boolean()
          .default(true)
          .describe('whether it is stopped in short turns while the host is above load.slow_down'),
      })
      .prefault({})
      .describe('how a run makes way for the host'),
    estimated_duration: duration
      .optional()
      .describe(
        'how long a backup takes: a first guess, learned from runs afterwards; absent: 30m, or the time from one to the next where that is shorter',
      ),
    resources: z
      .strictObject({
        cpu: ratio.default(0.25).describe("share of the host's processors, above 0 up to 1"),
        memory: ratio.default(0.1).describe("share of the host's memory, above 0 up to 1"),
      })
      .prefault({})
      .describe('what a run takes of the host'),
    stores: z
      .array(z.string().describe('a name under stores'))
      .min(1)
      .default([])
      .meta({
        description:
          'where each backup is stored: names under stores; none where another tool keeps the backups (restic, pgbackrest)',
        examples: [['local']],
      }),
    network: name
      .optional()
      .describe('the network its bytes go over, a name under networks; absent: none that is counted'),
    server: name
      .optional()
      .describe('the database server that it dumps, a name under servers; absent: none that is counted'),
    pool: name
      .optional()
      .describe(
        'the pool whose schedule it is, one of pools: each run is made by one of its hosts; absent: this host makes them',
      ),
    keep: keepSchema
      .optional()
      .describe(
        'how many backups stay in each store, per period; one that no rule keeps is pruned, never the last good one; absent: all stay',
      ),
    verify: z
      .strictObject({
        after_backup: z
          .boolean()
          .default(true)
          .describe('whether each backup is read back, opened and compared right after it was stored'),
        full_read: weekOrMore
          .optional()
          .describe(
            'within what time, 7d or more, every copy in every store is read in full and compared with what was stored, some each day; absent: never by itself',
          ),
        drill: cronOrInterval
          .optional()
          .describe(
            'when the newest backup is restored for practice: a cron pattern, or the time between two drills; absent: never by itself',
          ),
        drill_into: z
          .string()
          .min(1)
          .optional()
          .meta({
            description:
              'the URL of a database server where drills make a database of their own and drop it again; absent: PostgreSQL, MariaDB and MySQL are restored into a server that the drill starts',
            examples: ['${env:SCRATCH_URL}'],
            writeOnly: true,
          }),
        drill_checks: drillChecksSchema
          .optional()
          .describe('what a drill looks at once it has restored; absent: that all can be read'),
      })
      .prefault({})
      .describe('how backups are proven'),
  })
  .meta({
    description: 'a schedule',
    // For editors alone: read.ts has the better message.
    oneOf: [{ required: ['every'] }, { required: ['cron'] }],
  });

/** Where nobody has said anything. */
const usualDurationMs = 30 * 60_000;

/** A schedule never runs twice at a time: no more of a plan is kept for it than there is from one run to the next. */
export function estimatedDuration(
  schedule: Pick<z.output<typeof scheduleSchema>, 'every' | 'cron' | 'estimated_duration'>,
): number {
  return schedule.estimated_duration ?? Math.min(usualDurationMs, fromOneToTheNext(schedule));
}

/** At the least; Infinity where neither is given. */
export function fromOneToTheNext({
  every,
  cron,
}: {
  every?: number | undefined;
  cron?: string | undefined;
}): number {
  if (every !== undefined) return every;
  const pattern = cron === undefined ? undefined : parseCron(cron);
  return pattern === undefined || 'problem' in pattern ? Infinity : shortestGapMs(pattern);
}
