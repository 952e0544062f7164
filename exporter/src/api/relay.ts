import { LowtideError } from '../errors/lowtide-error.ts';
import type { RelayedAnswer, WaitingRequest } from '../fleet/fleet.ts';
import { problemOf } from '../http/problem.ts';
import type { Caller } from './caller.ts';
import type { PlainRouteName } from './handling.ts';
import { nowhere, perform, type PerformContext } from './perform.ts';
import { failureView } from './views.ts';

const routeOf = {
  run: 'runSchedule',
  pause: 'pauseSchedule',
  resume: 'resumeSchedule',
  'skip-next': 'skipNext',
  cancel: 'cancelRun',
} as const satisfies Record<WaitingRequest['action'], PlainRouteName>;

/**
 * Does here what another host was asked for this one, and found allowed: what a role may do is for the host that knows the token. It
 * is on record here as well, with that host as where it came from.
 */
export async function actForOther(
  { action, subject, askedOf, by, grafanaUser }: WaitingRequest,
  context: PerformContext,
): Promise<RelayedAnswer> {
  const caller: Caller = {
    token: by,
    role: 'operator',
    actions: new Set(),
    address: `host ${askedOf}`,
    ...(grafanaUser !== undefined && { grafanaUser }),
  };
  const read = { id: subject, query: { wait: 'false' }, body: undefined };
  try {
    const { body } = await perform(routeOf[action], read, caller, context, nowhere);
    return action === 'run' || action === 'cancel' ? { runId: (body as { readonly id: string }).id } : {};
  } catch (thrown) {
    if (problemOf(thrown).status >= 500) context.onError(thrown);
    return { error: failureView(LowtideError.from(thrown)) };
  }
}
