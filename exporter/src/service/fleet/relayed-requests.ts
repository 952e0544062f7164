import type { Fleet, Lease, RelayedAnswer, WaitingRequest } from '../../fleet/fleet.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';

export interface RelayedRequestsOptions {
  readonly fleet: Pick<Fleet, 'requests'>;
  readonly lease: Lease;
  /** Does it as if it had been asked of this host; what keeps it from that is in the answer. */
  readonly act: (request: WaitingRequest) => Promise<RelayedAnswer>;
  /** Whether nothing is begun any more: it waits for the next process, or for its time to be over. */
  readonly isStopping: () => boolean;
  readonly log: Logger;
}

/** Does what others were asked for this host. */
export class RelayedRequests {
  readonly #options: RelayedRequestsOptions;
  /** What has been done, and could not be answered yet. */
  readonly #answers = new Map<string, RelayedAnswer>();
  #isLooking = false;

  constructor(options: RelayedRequestsOptions) {
    this.#options = options;
  }

  /** With each beat. Never rejects. */
  readonly look = async ({ hasRequests }: { readonly hasRequests: boolean }): Promise<void> => {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#answer();
      if (hasRequests && !this.#options.isStopping()) await this.#act();
    } catch (thrown) {
      this.#options.log.warn(
        { err: describe(thrown) },
        'what other hosts were asked for this one could not be done',
      );
    } finally {
      this.#isLooking = false;
    }
  };

  async #act(): Promise<void> {
    const { fleet, lease, act } = this.#options;
    // Whatever becomes of an answer, what was taken is done: nobody else takes it.
    for (const request of await fleet.requests.take(lease)) {
      this.#answers.set(request.id, await act(request));
    }
    await this.#answer();
  }

  async #answer(): Promise<void> {
    const { fleet, lease } = this.#options;
    for (const [id, answer] of this.#answers) {
      await fleet.requests.answer(lease, id, answer);
      this.#answers.delete(id);
    }
  }
}
