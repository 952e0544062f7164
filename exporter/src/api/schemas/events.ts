import { z } from 'zod';
import { instant, named, progress } from './common.ts';

export const storedEvent = named(
  'StoredEvent',
  z
    .looseObject({
      name: z
        .string()
        .describe(
          'run:started, run:finished, run:unusual, run:reviewed, run:missed, run:deferred, backup:verified, backup:restored, backup:read, backup:healed, backup:pruned, drill:started, drill:finished, …',
        ),
      at: instant,
      runId: z.string().optional(),
      schedule: z.string().optional(),
      backupId: z.string().optional(),
      status: z.string().optional(),
      reason: z.string().optional(),
      dueAt: instant.optional(),
    })
    .describe('The data of an event with an id: something that happened, and is on record.'),
);

export const progressEvent = named(
  'ProgressEvent',
  z
    .discriminatedUnion('name', [
      z.strictObject({ name: z.literal('run:progress'), at: instant, runId: z.string(), progress }),
      z.strictObject({ name: z.literal('rotation:progress'), at: instant, rotationId: z.string(), progress }),
      z.strictObject({ name: z.literal('drill:progress'), at: instant, drillId: z.string(), progress }),
    ])
    .describe('The data of an event that tells how far work has come. It has no id: it is not on record.'),
);

export const planEvent = named(
  'PlanEvent',
  z
    .strictObject({ name: z.literal('plan:changed'), at: instant })
    .describe('The data of an event without an id: something is to start at another time. GET plan has it.'),
);

export const eventsQuery = z.strictObject({
  lastEventId: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .describe(
      'as the header Last-Event-ID, for clients that cannot set it: begins with the event behind this one',
    ),
});
