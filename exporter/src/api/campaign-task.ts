import { LowtideError } from '../errors/lowtide-error.ts';
import type { Asking, OpenTask } from '../fleet/campaign.ts';
import { record, type AuditOutcome } from './audit-trail.ts';
import type { Caller } from './caller.ts';
import { begunAnswers } from './handlers.ts';
import { nowhere, onRecord, perform, type PerformContext } from './perform.ts';
import { routes } from './routes.ts';
import { rotationWish } from './schemas/rotations.ts';

/**
 * Begins, or goes on with, the rotation that is this host's task. What a role may do is for the host that knows the token: it is on
 * record here as well, with that host as where it came from. Throws what keeps it from going on.
 */
export async function rotateAsTask(
  task: OpenTask & { readonly rotationId: string },
  isBegun: boolean,
  context: PerformContext,
): Promise<void> {
  const { commands, trail, onError } = context;
  const caller = callerOf(task);
  const { rotationId } = task;
  if (isBegun) {
    const read = { id: rotationId, query: { wait: 'false' }, body: undefined };
    await perform('resumeRotation', read, caller, context, nowhere);
    return;
  }
  const note = (outcome: AuditOutcome): Promise<void> =>
    record(trail, caller, routes.startRotation, undefined, outcome);
  await onRecord(note, onError, nowhere, async (onBegun) => {
    const wish = rotationWish.safeParse(task.wish);
    if (!wish.success) {
      throw new LowtideError('usage', 'the rotation is asked for in words that this host does not know', {
        hint: 'The host that was asked runs a newer Lowtide: upgrade this one.',
      });
    }
    const by = task.grafanaUser ?? task.by;
    const begun = await commands.rotate(wish.data, by, rotationId);
    return await begunAnswers(commands.instance(), onBegun)(begun, 'false');
  });
}

/** Stops the rotation that is this host's task. Throws `rotation_ended`. */
export async function cancelAsTask(
  rotationId: string,
  asking: Asking,
  context: PerformContext,
): Promise<void> {
  const read = { id: rotationId, query: {}, body: undefined };
  await perform('cancelRotation', read, callerOf(asking), context, nowhere);
}

/** Puts on record how the prune that is this host's task begins and ends. */
export async function notePrune(
  task: OpenTask,
  outcome: AuditOutcome,
  { trail }: Pick<PerformContext, 'trail'>,
): Promise<void> {
  await record(trail, callerOf(task), { audit: 'backups.prune' }, undefined, outcome);
}

function callerOf({ by, askedOf, grafanaUser }: Asking): Caller {
  return {
    token: by,
    role: 'operator',
    actions: new Set(),
    address: `host ${askedOf}`,
    ...(grafanaUser !== undefined && { grafanaUser }),
  };
}
