import { z } from 'zod';
import { instant, named, seconds } from './common.ts';

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
  'hosts',
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
      encryption: z
        .strictObject({
          maxKeyAgeSeconds: seconds.optional().describe('older keys fail a health check; absent: none does'),
          rotation: z
            .strictObject({
              mode: z.enum(['rotate', 'rewrap', 'reencrypt']),
              daysBack: z.int().optional().describe('older backups are left alone'),
              atLowTide: z.boolean().describe('whether it waits while the host is busy'),
              dueAt: instant.optional().describe('of the next; may lie in the past while it waits its turn'),
            })
            .optional()
            .describe('the policy by which keys are rotated; absent: only by hand'),
        })
        .describe('what the config says of keys'),
    })
    .describe('What is running here, and how it is.'),
);
