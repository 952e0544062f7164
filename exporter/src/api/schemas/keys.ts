import { z } from 'zod';
import { bytes, instant, listOf, named, page } from './common.ts';

export const key = named(
  'Key',
  z
    .strictObject({
      id: z.string(),
      recipient: z.string().describe('the public half'),
      state: z.enum(['active', 'retiring', 'retired', 'destroyed']),
      createdAt: instant,
      origin: z.enum(['generated', 'imported', 'environment']),
      purpose: z
        .enum(['backup', 'recovery', 'restore'])
        .describe(
          'backup: new backups are sealed to it while it is active; recovery: in case all others are lost; restore: only to open what was sealed elsewhere',
        ),
      parentId: z.string().optional().describe('the key it replaced'),
      rotationId: z.string().optional().describe('the rotation it was made for'),
      backups: z.int().min(0).describe('sealed to it, and not pruned'),
      copies: z.int().min(0).describe('of those backups, in all stores'),
      bytes: bytes.describe('of one copy of each'),
    })
    .describe('An encryption key: never any secret part.'),
);

export const keyList = listOf('KeyList', key);
export const keysQuery = z.strictObject(page);
