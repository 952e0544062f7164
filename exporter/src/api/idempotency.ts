import { createHash } from 'node:crypto';
import type { AccessRecords, ApiRequest, RequestAnswer } from '../catalog/access.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';

/** A key means the same request for a day. */
const rememberedMs = 24 * 3600_000;

export type Requests = Pick<AccessRecords, 'claimRequest' | 'answerRequest' | 'releaseRequest'>;

export interface IdempotentRequest {
  readonly caller: string;
  readonly key: string;
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly body: unknown;
  readonly at: EpochMs;
}

export interface Idempotent {
  readonly answer: RequestAnswer;
  /** Whether it is the answer of an earlier request. */
  readonly isReplay: boolean;
}

/**
 * Does the work of a request once per key, over restarts: later requests get the answer of the first, and those that come while
 * it is worked on wait for that. A request that was refused has done nothing, and its key may be used again.
 */
export class Once {
  readonly #requests: Requests;
  /** What this process works on. */
  readonly #underWay = new Map<string, Promise<RequestAnswer>>();

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /**
   * Throws what `work` throws, and `request_reused`, `request_active`, `outcome_unknown`. What `work` keeps is the answer for
   * whoever asks again after a crash, until it has answered itself.
   */
  async answer(
    { caller, key, at, ...content }: IdempotentRequest,
    work: (keep: (answer: RequestAnswer) => Promise<void>) => Promise<RequestAnswer>,
  ): Promise<Idempotent> {
    const request: ApiRequest = { caller, key, at, fingerprint: fingerprintOf(content) };
    const claim = await this.#requests.claimRequest(request, at - rememberedMs);
    const name = JSON.stringify([caller, key]);
    const first = this.#underWay.get(name);
    switch (claim.state) {
      case 'answered':
        return { answer: first === undefined ? claim.answer : await first, isReplay: true };
      case 'active': {
        if (first === undefined) throw activeElsewhere();
        return { answer: await first, isReplay: true };
      }
      case 'lost':
        throw outcomeUnknown();
      case 'other':
        throw new LowtideError('request_reused', 'this Idempotency-Key was used for another request', {
          hint: 'Take a new key for each thing to be done.',
        });
      case 'ours':
    }
    const answer = this.#do(request, work);
    this.#underWay.set(name, answer);
    try {
      return { answer: await answer, isReplay: false };
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #do(
    request: ApiRequest,
    work: (keep: (answer: RequestAnswer) => Promise<void>) => Promise<RequestAnswer>,
  ): Promise<RequestAnswer> {
    let answer: RequestAnswer;
    try {
      answer = await work((known) => this.#requests.answerRequest(request, known));
    } catch (thrown) {
      await this.#requests.releaseRequest(request);
      throw thrown;
    }
    // Where this fails the claim stays: better no answer than the same work twice.
    await this.#requests.answerRequest(request, answer);
    return answer;
  }
}

function activeElsewhere(): LowtideError {
  return new LowtideError('request_active', 'a request with this Idempotency-Key is being worked on', {
    hint: 'Ask again with the same key: the answer will be that of the first request.',
    retryable: true,
  });
}

function outcomeUnknown(): LowtideError {
  return new LowtideError('outcome_unknown', 'the service ended over a request with this Idempotency-Key', {
    hint: 'Look whether it was done (GET runs, GET audit); to do it (again), take a new key.',
  });
}

function fingerprintOf(content: {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}): string {
  const text = JSON.stringify([content.method, content.url, content.body ?? null]);
  return createHash('sha256').update(text).digest('hex');
}
