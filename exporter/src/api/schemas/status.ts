import { z } from 'zod';
import { instant, named } from './common.ts';

const actionSchema = z.enum([
  'read',
  'run',
  'pause',
  'skip',
  'cancel',
  'verify',
  'rotate',
  'restore',
  'schedules',
  'keys',
]);

export const status = named(
  'Status',
  z
    .strictObject({
      version: z.string(),
      instance: z.string(),
      startedAt: instant,
      now: instant,
      caller: z
        .strictObject({
          token: z.string().optional().describe('its name; absent without one'),
          role: z.enum(['viewer', 'operator', 'admin']),
          grafanaUser: z.string().optional(),
          actions: z.array(actionSchema).describe('what this caller may do'),
        })
        .describe('who is asking'),
      ready: z.boolean().describe('whether every check passes'),
      checks: z.array(
        z.strictObject({
          type: z.string(),
          ok: z.boolean(),
          message: z.string(),
          hint: z.string().optional().describe('what helps'),
        }),
      ),
      restoreTargets: z.array(z.string()).describe('names under restore_targets'),
    })
    .describe('What is running here, and how it is.'),
);
