import { z } from 'zod';
import { instant, listOf, named, page } from './common.ts';

export const auditEntry = named(
  'AuditEntry',
  z
    .strictObject({
      sequence: z.int().min(1),
      at: instant,
      actor: z
        .string()
        .describe(
          "the token's name; `cli` for the command line, `policy` for what the config has done by itself",
        ),
      grafanaUser: z.string().optional(),
      from: z.string().describe('the address, or the host'),
      action: z.string(),
      subject: z.string().optional(),
      result: z.enum(['done', 'started', 'refused', 'failed']),
      code: z.string().optional().describe('why it was refused or failed'),
      detail: z.string().optional(),
      hash: z.string().describe('of this entry and all before it'),
    })
    .describe('Who did what, from where, and how it ended.'),
);

export const auditList = listOf('AuditList', auditEntry);
export const auditQuery = z.strictObject(page);
