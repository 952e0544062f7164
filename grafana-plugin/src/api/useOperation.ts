import type { RelayedRequest } from 'lowtide/api';
import { useCallback, useRef, useState } from 'react';
import { AppEvents } from '@grafana/data';
import { getAppEvents } from '@grafana/runtime';
import { newKey } from '../lib/clock.ts';
import { useWords } from '../words/useWords.ts';
import type { Message } from '../words/words.ts';
import { failureOf, RequestError, type RequestFailure } from './failure.ts';
import { exporter } from './grafana.ts';
import { isRelayed, unsaid } from './relayed.ts';
import { settled } from './settled.ts';

export interface Operation {
  /** What is being done, by the name it was given; undefined: nothing. */
  readonly pending: string | undefined;
  /**
   * Does it, once: asked again while no answer came, it is the same request to the exporter. Says how it went, in a toast; of
   * what another host is asked to do, also when it has done it, of which there is no answer. Resolves to whether it was taken.
   */
  readonly perform: <T>(
    name: string,
    send: (key: string) => Promise<T>,
    done: (answer: Exclude<T, RelayedRequest> | undefined) => Message,
  ) => Promise<boolean>;
}

/** One thing at a time is asked of the exporter by a page. `after`: looks what has become of it. */
export function useOperation(after: () => void): Operation {
  const { say } = useWords();
  const [pending, setPending] = useState<string>();
  const unanswered = useRef(new Map<string, string>());

  const perform = useCallback<Operation['perform']>(
    async (name, send, done) => {
      const key = unanswered.current.get(name) ?? newKey();
      unanswered.current.set(name, key);
      setPending(name);
      try {
        const answer = await send(key);
        unanswered.current.delete(name);
        if (isRelayed(answer)) {
          toast(AppEvents.alertSuccess, say({ key: 'relayed.asked', values: { host: answer.host } }));
          void settled(exporter, answer).then((request) => {
            const failure = unsaid(request);
            if (failure === undefined) toast(AppEvents.alertSuccess, say(done(undefined)));
            else toast(AppEvents.alertError, say(failure), request.error?.hint);
            after();
          });
        } else {
          toast(AppEvents.alertSuccess, say(done(answer as Exclude<typeof answer, RelayedRequest>)));
        }
        return true;
      } catch (error) {
        const failure = error instanceof RequestError ? error.failure : failureOf({});
        if (isAnswer(failure)) unanswered.current.delete(name);
        toast(AppEvents.alertError, say(failure.message), failure.problem?.hint);
        return false;
      } finally {
        setPending(undefined);
        after();
      }
    },
    [say, after],
  );
  return { pending, perform };
}

/** Otherwise it may have been done or not. */
function isAnswer({ problem, kind }: RequestFailure): boolean {
  return problem !== undefined || kind === 'grafanaRole' || kind === 'off';
}

function toast(event: { readonly name: string }, title: string, text?: string): void {
  getAppEvents().publish({ type: event.name, payload: text === undefined ? [title] : [title, text] });
}
