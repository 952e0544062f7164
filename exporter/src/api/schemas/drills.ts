import { z } from 'zod';
import { bytes, failure, id, instant, itsHost, name, named, page, progress, seconds } from './common.ts';
import { listOfHosts, ofHosts } from './hosts.ts';

const status = z.enum(['running', 'passed', 'failed', 'cancelled', 'interrupted']);
const count = z.int().min(0);

export const drill = named(
  'Drill',
  z
    .strictObject({
      id,
      host: itsHost,
      schedule: z.string(),
      backupId: id,
      trigger: z.enum(['schedule', 'manual', 'api']).describe('manual: from the command line'),
      status,
      startedAt: instant,
      finishedAt: instant.optional(),
      dataAgeSeconds: seconds.describe('how old the data was when the drill began (RPO)'),
      restoreSeconds: seconds
        .optional()
        .describe(
          'from the first byte read to data that can be used (RTO); absent where that was not reached',
        ),
      store: z.string().optional().describe('whose copy was taken'),
      contents: z
        .strictObject({
          tables: count.optional(),
          rows: count.optional(),
          files: count.optional(),
          bytes: bytes.optional(),
        })
        .optional()
        .describe('how much was there after the restore'),
      checks: z.array(
        z.strictObject({
          name: z.enum(['rows', 'amcheck', 'command', 'max_restore_time', 'max_data_age']),
          status: z.enum(['passed', 'failed']),
          message: z.string(),
        }),
      ),
      error: failure.optional(),
      warnings: z.array(z.string()),
      progress: progress.optional().describe('while this service works on it'),
    })
    .describe('A restore for practice.'),
);

export const drillList = listOfHosts('DrillList', drill);

export const drillsQuery = z.strictObject({
  ...page,
  ...ofHosts,
  schedule: name.optional().describe('of this schedule only'),
  status: status.optional().describe('in this state only'),
});
