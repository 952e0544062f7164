import { LowtideError } from '../errors/lowtide-error.ts';
import { problemOf } from '../http/problem.ts';
import { record, type AuditOutcome, type AuditTrail } from './audit-trail.ts';
import type { Caller } from './caller.ts';
import { handlersFor, type HandlerParts, type OnBegun } from './handlers.ts';
import type { Ending, PlainRouteName } from './handling.ts';
import type { ReadRequest } from './requests.ts';
import { routes, type Route } from './routes.ts';

/** What any handler answers. */
export interface AnyHandled {
  readonly status: number;
  readonly body: unknown;
  readonly detail?: string;
  readonly outcome?: Ending;
  readonly ending?: Promise<Ending>;
}

export interface PerformContext extends HandlerParts {
  readonly trail: AuditTrail;
  /** Hears of what went wrong behind an answer. */
  readonly onError: (error: unknown) => void;
}

/** Does what a request says, and puts on record what came of it. Throws what kept it from being done. */
export async function perform(
  name: PlainRouteName,
  read: ReadRequest,
  caller: Caller,
  { trail, onError, ...parts }: PerformContext,
  keep: (run: { readonly id: string }) => Promise<void>,
): Promise<AnyHandled> {
  const route: Route = routes[name];
  const note: Note = (outcome) => record(trail, caller, route, read.id, outcome);
  return await onRecord(note, onError, keep, (onBegun) => {
    // The route's schemas have made of the request what this handler takes.
    const handler = handlersFor(parts, caller, onBegun)[name] as (
      call: ReadRequest,
    ) => AnyHandled | Promise<AnyHandled>;
    return handler(read);
  });
}

type Note = (outcome: AuditOutcome) => Promise<void>;

/** Does `work`, and notes how it begins, how it ends, and what has kept it from that, which is thrown as well. */
export async function onRecord(
  note: Note,
  onError: PerformContext['onError'],
  keep: (run: { readonly id: string }) => Promise<void>,
  work: (onBegun: OnBegun) => AnyHandled | Promise<AnyHandled>,
): Promise<AnyHandled> {
  const onBegun: OnBegun = async (run, detail) => {
    // On record before anybody waits for the end: a crash must not leave it without a name.
    await note({ result: 'started', detail });
    try {
      await keep(run);
    } catch (thrown) {
      // It goes on; who asks again after a crash is told that nobody knows.
      onError(thrown);
    }
  };
  try {
    const handled = await work(onBegun);
    const { ending, outcome } = handled;
    const detail = handled.detail === undefined ? {} : { detail: handled.detail };
    if (ending === undefined) {
      await note({ ...(outcome ?? { result: handled.status === 202 ? 'started' : 'done' }), ...detail });
    } else {
      void ending.then((end: Ending) => note({ ...end, ...detail })).catch(onError);
    }
    return handled;
  } catch (thrown) {
    const { code } = LowtideError.from(thrown);
    await note({ result: problemOf(thrown).status < 500 ? 'refused' : 'failed', code });
    throw thrown;
  }
}

/** For `keep` where nobody could ask for it again. */
export async function nowhere(): Promise<void> {
  // What was begun has its own id.
}
