import { z } from 'zod';
import { byteRate } from './scalars.ts';

/** What backups share beside their stores: `networks` and `servers` in `lowtide.yaml`; see schema.ts. */

const most = z.int().min(1).max(1000).optional();

export const networkSchema = z
  .strictObject({
    streams: most.describe('how many backups may go over it at once; absent: any number'),
    bandwidth: byteRate
      .optional()
      .describe(
        'no more backups run at once than are expected to send so much a second, all together; absent: they may send any amount',
      ),
  })
  .describe('a network that backups share');

export const serverSchema = z
  .strictObject({
    dumps: most.describe('how many dumps may be taken of it at once; absent: any number'),
  })
  .describe('a database server that several schedules dump');
