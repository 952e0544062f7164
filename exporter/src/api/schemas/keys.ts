import { z } from 'zod';
import { bytes, instant, listWith, named, page } from './common.ts';

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
      backups: z
        .int()
        .min(0)
        .describe('that need it: sealed to it, or to a lost key in whose place it opens them; not pruned'),
      copies: z.int().min(0).describe('of those backups, in all stores'),
      bytes: bytes.describe('of one copy of each'),
    })
    .describe('An encryption key: never any secret part.'),
);

export const lostKey = named(
  'LostKey',
  z
    .strictObject({
      id: z.string(),
      backups: z.int().min(0).describe('that are sealed to it, and not pruned'),
      copies: z.int().min(0).describe('of those backups, in all stores'),
      bytes: bytes.describe('of one copy of each'),
      openedBy: z.array(z.string()).describe('keys that are here and open these backups, or some of them'),
    })
    .describe('A key that backups need and whose secret half is not in the keystore.'),
);

export const keyList = listWith('KeyList', key, { lost: z.array(lostKey) });
export const keysQuery = z.strictObject(page);
