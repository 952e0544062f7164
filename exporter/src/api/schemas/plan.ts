import { z } from 'zod';
import { instant, itsHost, name, named } from './common.ts';
import { hostProblems, ofHosts, ofHost } from './hosts.ts';

const loads = z
  .strictObject({
    cpu: z.number().min(0).max(1).optional(),
    memory: z.number().min(0).max(1).optional(),
    disk: z.number().min(0).max(1).optional(),
  })
  .describe('share of each resource in use, 0 to 1');

export const slot = named(
  'Slot',
  z
    .strictObject({
      host: itsHost,
      schedule: name,
      dueAt: instant.describe('names the occurrence'),
      start: instant,
      end: instant.describe('by the estimated duration'),
      window: z
        .strictObject({ start: instant, end: instant.describe('equal to start: no window') })
        .describe('when it may start'),
      deadline: instant.describe('the latest start'),
      priority: z.enum(['critical', 'high', 'medium', 'low']),
      loadHost: name
        .optional()
        .describe('the host whose load is meant, of load.hosts in the config of its own; absent: its own'),
      forecast: loads.optional().describe('the load expected there; absent where none is known'),
      alternatives: z
        .array(
          z.strictObject({
            start: instant,
            end: instant,
            forecast: loads.optional(),
            whyNot: z
              .strictObject({
                code: z.enum(['capacity', 'priority', 'deadline', 'history', 'move']),
                text: z.string(),
              })
              .optional()
              .describe('what speaks against it'),
          }),
        )
        .describe('the next best places'),
      best: z
        .strictObject({ start: instant, forecast: loads })
        .optional()
        .describe('the quietest start by the deadline, as if nothing else were planned'),
      reason: z
        .strictObject({
          code: z.string().describe('as quietest, shared or no_history'),
          text: z.string(),
        })
        .describe('why there'),
    })
    .describe('Where a backup is planned.'),
);

export const plan = named(
  'Plan',
  z
    .strictObject({
      from: instant,
      until: instant,
      slots: z.array(slot).describe('by start'),
      problems: z
        .array(
          z.strictObject({
            host: itsHost,
            schedule: name,
            dueAt: instant,
            start: instant
              .optional()
              .describe(
                'when it runs all the same (`busy`, `no_room`: would run); absent: no time has room for it',
              ),
            lateSeconds: z
              .number()
              .min(0)
              .optional()
              .describe(
                'how far behind its deadline; 0: in time, with less than it asks for; absent: it will not be made, by what is known now',
              ),
            reason: z.strictObject({
              code: z.enum(['busy', 'cramped', 'late', 'no_room', 'still_running']),
              text: z.string(),
            }),
          }),
        )
        .optional()
        .describe(
          'what could not be placed as it should be; what starts all the same has a slot as well; absent: all could',
        ),
      hostProblems,
    })
    .describe('What will run when, and why there.'),
);

export const planQuery = z.strictObject({
  ...ofHosts,
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(24 * 7)
    .default(48)
    .describe('how far ahead'),
  paused: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: with the schedules that are paused, as if they were not'),
});

const weekday = z.int().min(1).max(7).describe('1 is Monday');
const hour = z.int().min(0).max(23);
const point = z.strictObject({ at: instant, value: z.number().min(0).max(1) });

const byForecast = z.strictObject({ learned: z.number(), yesterday: z.number() });
const accuracy = z
  .strictObject({
    followed: z
      .enum(['learned', 'yesterday'])
      .describe(
        'the forecast that is used: what was learned, or yesterday over again where that chose better',
      ),
    days: z.int().min(1).describe('how many days it is judged by'),
    regret: byForecast.describe(
      'by how much the load of the starts it would have chosen lay above the lowest there was',
    ),
    randomRegret: z.number().describe('the same of starts chosen at random'),
    error: byForecast.describe('mean distance between what was expected and what came'),
  })
  .describe('how good both forecasts were of late, as shares of the resource');

const stalls = z.strictObject({
  avg10: z.number().describe('of the last 10 seconds'),
  avg60: z.number().describe('of the last 60'),
  avg300: z.number().describe('of the last 300'),
});

export const load = named(
  'Load',
  z
    .strictObject({
      host: itsHost,
      from: instant,
      until: instant,
      resources: z.array(
        z.strictObject({
          resource: z.enum(['cpu', 'memory', 'disk']),
          samples: z.array(point),
          pressure: z
            .array(point)
            .optional()
            .describe('share of the time in which some work waited; absent where the kernel does not tell'),
          presentPressure: z
            .strictObject({
              some: stalls.describe('some work'),
              full: stalls.describe('all work that there was'),
            })
            .optional()
            .describe(
              'share of the time in which it waited, as the kernel tells it now; absent where it does not, and while Lowtide itself is at work',
            ),
          profile: z
            .array(
              z.strictObject({
                weekday,
                hour,
                mean: z.number(),
              }),
            )
            .describe('what was learned of the week'),
          forecast: z.array(
            z.strictObject({ at: instant, expected: z.number(), low: z.number(), high: z.number() }),
          ),
          basis: z
            .enum(['none', 'level', 'days', 'weeks', 'yesterday'])
            .optional()
            .describe(
              'what the forecast rests on: nothing; the mean of less than a day; days, or weeks of history; or yesterday alone',
            ),
          accuracy: accuracy.optional().describe('absent where too little is known'),
          quietHours: z
            .array(z.strictObject({ weekday, hours: z.array(hour) }))
            .describe('of each weekday, the three hours with the lowest mean'),
          busyHours: z
            .array(z.strictObject({ weekday, hours: z.array(hour) }))
            .optional()
            .describe('and those with the highest'),
          statistics: z
            .strictObject({
              samples: z.int().min(0).describe('steps that were measured'),
              mean: z.number(),
              minimum: z.number(),
              median: z.number(),
              p90: z.number(),
              p95: z.number(),
              p99: z.number(),
              maximum: z.number(),
              maximumAt: instant,
              trend: z
                .number()
                .describe('by how much the mean of the second half is above that of the first'),
            })
            .optional()
            .describe('absent where nothing was measured'),
        }),
      ),
      throughput: z
        .array(
          z.strictObject({
            flow: z
              .enum(['read', 'written', 'received', 'sent'])
              .describe('by the disks, and by the network'),
            mean: z.number(),
            median: z.number(),
            p95: z.number(),
            maximum: z.number(),
          }),
        )
        .optional()
        .describe('bytes per second; flows of which nothing was measured are left out'),
    })
    .describe('How busy the host was and will be. Resources that nothing is known of are left out.'),
);

export const loadQuery = z.strictObject({
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(24 * 92)
    .default(168)
    .describe('how far back'),
  ...ofHost,
  loadHost: name
    .optional()
    .describe('of this host under load.hosts of the config; absent: of the one Lowtide runs on'),
});
