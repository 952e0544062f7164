import { z } from 'zod';
import {
  failure,
  id,
  instance,
  instant,
  listOf,
  listWith,
  named,
  page,
  seconds,
  type ListShape,
} from './common.ts';

const count = z.int().min(0);

export const host = named(
  'Host',
  z
    .strictObject({
      instance: z.string(),
      state: z
        .enum(['alive', 'silent', 'left'])
        .describe('silent: it may be dead, paused or cut off; left: it was stopped'),
      version: z.string(),
      address: z.string().describe('where it listens, as it says itself'),
      pools: z.array(z.string()).describe('whose jobs it may run beside its own'),
      lastSeenSeconds: seconds.describe('since it was last heard of'),
      isSelf: z.boolean().describe('whether it is the one that answers'),
      isPlanner: z.boolean().describe('whether it plans for all'),
      summary: z
        .strictObject({
          schedules: count,
          paused: count.describe('of these'),
          running: count.describe('backups that are being made'),
          lastSuccessAt: instant.optional().describe('of any of its schedules'),
        })
        .optional()
        .describe(
          'as the host said within the last minute or two of its life; absent where it said nothing that is understood here',
        ),
    })
    .describe('A host that keeps its state where this one does.'),
);

export const hostProblem = named(
  'HostProblem',
  z
    .strictObject({
      host: z.string(),
      code: z.string().describe('stable, see docs/errors.md'),
      message: z.string(),
      hint: z.string().optional().describe('what helps'),
    })
    .describe('Why a host is missing from an answer about all of them.'),
);

/** `of: '*'`: what could not be had of a host does not keep back what could of the others. */
export const hostProblems = z
  .array(hostProblem)
  .optional()
  .describe('of hosts whose part is missing here; absent: of none');

export function listOfHosts<T extends z.ZodType>(
  id: string,
  item: T,
): z.ZodObject<ListShape<T> & { problems: typeof hostProblems }, z.core.$strict> {
  return listWith(id, item, { problems: hostProblems });
}

export const hostList = listOf('HostList', host);
export const hostsQuery = z.strictObject(page);

/** Which host is meant; absent: the one that answers. */
export const ofHost = {
  host: instance.optional().describe('of this host, as GET hosts has it; absent: of the one that answers'),
};

export const ofHosts = {
  host: instance
    .optional()
    .describe('of this host, as GET hosts has it, or of all: `*`; absent: of the one that answers'),
};

export const hostQuery = z.strictObject(ofHost);

export const relayedRequest = named(
  'RelayedRequest',
  z
    .strictObject({
      kind: z.literal('request'),
      id,
      host: z.string().describe('that is to do it'),
      action: z.enum(['run', 'pause', 'resume', 'skip-next', 'cancel']),
      subject: z.string().describe('the schedule, or the run'),
      by: z.string().describe('the name of the token that asked'),
      grafanaUser: z.string().optional(),
      askedAt: instant,
      askedOf: z.string().describe('the host that was asked'),
      state: z
        .enum(['waiting', 'taken', 'done', 'refused', 'expired', 'unknown'])
        .describe(
          'waiting: until the host looks, every quarter of a minute; expired: it has not looked for two minutes, and will not do it any more; unknown: it has taken it, and was stopped over it',
        ),
      runId: id
        .optional()
        .describe('the run that was begun, or is being cancelled: GET runs/{id}?host= tells how it goes'),
      error: failure.optional().describe('why it was refused'),
    })
    .describe('What another host is asked to do. Kept for a day.'),
);
