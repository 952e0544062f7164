import { z } from 'zod';
import { instant, name, named } from './common.ts';

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
      schedule: name,
      dueAt: instant.describe('names the occurrence'),
      start: instant,
      end: instant.describe('by the estimated duration'),
      window: z
        .strictObject({ start: instant, end: instant.describe('equal to start: no window') })
        .describe('when it may start'),
      deadline: instant.describe('the latest start'),
      priority: z.enum(['critical', 'high', 'medium', 'low']),
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
    })
    .describe('What will run when, and why there.'),
);

export const planQuery = z.strictObject({
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

export const load = named(
  'Load',
  z
    .strictObject({
      from: instant,
      until: instant,
      resources: z.array(
        z.strictObject({
          resource: z.enum(['cpu', 'memory', 'disk']),
          samples: z.array(point),
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
          quietHours: z
            .array(z.strictObject({ weekday, hours: z.array(hour) }))
            .describe('of each weekday, the three hours with the lowest mean'),
          statistics: z
            .strictObject({
              samples: z.int().min(0).describe('steps that were measured'),
              mean: z.number(),
              minimum: z.number(),
              median: z.number(),
              p95: z.number(),
              maximum: z.number(),
              trend: z
                .number()
                .describe('by how much the mean of the second half is above that of the first'),
            })
            .optional()
            .describe('absent where nothing was measured'),
        }),
      ),
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
});
