import { z } from 'zod';
import { bytes, failure, id, instant, listOf, named, page } from './common.ts';
import { rotation, rotationWish } from './rotations.ts';

const items = z.int().min(0);
const count = z.strictObject({
  items: items.describe('backups; of a prune: copies that it has removed'),
  bytes,
});

const states = ['waiting', 'running', 'completed', 'partial', 'failed', 'refused', 'cancelled'] as const;

export const campaign = named(
  'Campaign',
  z
    .strictObject({
      kind: z.literal('campaign'),
      id,
      work: z.enum(['rotation', 'prune']),
      wish: rotationWish.optional().describe('of a rotation: what was asked for'),
      by: z.string().describe('the name of the token that asked, or who it was on the command line'),
      grafanaUser: z.string().optional(),
      askedAt: instant,
      askedOf: z.string().describe('the host that was asked'),
      cancelled: z
        .strictObject({ by: z.string(), grafanaUser: z.string().optional(), askedOf: z.string() })
        .optional()
        .describe('who has cancelled it: a task that is open still ends once its host looks, or is back'),
      over: z.boolean().describe('whether no task is left to be done'),
      summary: z.strictObject(Object.fromEntries(states.map((state) => [state, items])) as Summary),
      tasks: z.array(
        z.strictObject({
          host: z.string(),
          hostState: z
            .enum(['alive', 'silent', 'left'])
            .optional()
            .describe('as GET hosts has it; absent: it was forgotten'),
          state: z
            .enum(states)
            .describe(
              'waiting: until the host looks, or is back; partial: some of it was done; refused: it could not be begun, and changed nothing',
            ),
          rotationId: id
            .optional()
            .describe('of a rotation, from before it begins: GET rotations/{id}?host= tells how it goes'),
          pending: count.optional(),
          done: count.optional(),
          skipped: count.optional(),
          failed: count.optional(),
          error: failure.optional().describe('why it has failed; while it waits: what for'),
          updatedAt: instant,
        }),
      ),
    })
    .describe('What several hosts were asked to do, each a task of it.'),
);

type Summary = Readonly<Record<(typeof states)[number], typeof items>>;

export const campaignList = listOf('CampaignList', campaign);
export const campaignsQuery = z.strictObject(page);

export const rotationOrCampaign = named(
  'RotationOrCampaign',
  z.union([rotation, campaign]).describe('A rotation that has begun, or what other hosts are asked for.'),
);
