import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ErrorCode } from '../errors/codes.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HeadRewrapper } from './rewrap.ts';

export interface RewrapTask {
  readonly identity: string;
  readonly recipients: readonly string[];
  readonly heads: readonly Uint8Array[];
}

/** One for each head, in the same order. */
export type RewrapAnswer =
  | { readonly bytes: Uint8Array }
  | { readonly code: ErrorCode; readonly message: string; readonly hint?: string };

/** Beside this file, compiled or not: the build rewrites imports, but not URLs. */
const workerUrl = new URL(`./rewrap-worker${extname(import.meta.url)}`, import.meta.url);

interface Asked {
  readonly head: Uint8Array;
  readonly answer: (answer: RewrapAnswer) => void;
  readonly fail: (thrown: unknown) => void;
}

/**
 * Rewraps headers in a thread of its own: a third of a millisecond each, which the thread that keeps the catalog and the files
 * then has for these. Heads that are asked for in the same turn travel in one message.
 */
export class RewrapThread implements AsyncDisposable {
  readonly #worker: Worker;
  /** One message is under way at a time, so that an answer is known by its turn. */
  #last: Promise<void> = Promise.resolve();

  constructor() {
    this.#worker = new Worker(workerUrl, { name: 'lowtide-rewrap', execArgv: [] });
    this.#worker.unref();
  }

  /** As `new Rewrapper([identity], recipients)`, whose errors come with the first head. */
  rewrapper(identity: string, recipients: readonly string[]): HeadRewrapper {
    let asked: Asked[] = [];
    const send = (): void => {
      const batch = asked;
      asked = [];
      this.#last = this.#last.then(() => this.#ask(batch, identity, recipients));
    };
    return {
      rewrap: (head) => {
        const { promise, resolve, reject } = Promise.withResolvers<{ readonly bytes: Uint8Array }>();
        const answer = (given: RewrapAnswer): void => {
          if ('bytes' in given) resolve(given);
          else reject(new LowtideError(given.code, given.message, given));
        };
        asked.push({ head, answer, fail: reject });
        if (asked.length === 1) setImmediate(send);
        return promise;
      },
    };
  }

  async #ask(batch: readonly Asked[], identity: string, recipients: readonly string[]): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    this.#worker.ref();
    try {
      const answered = once(this.#worker, 'message', { signal });
      const died = once(this.#worker, 'exit', { signal });
      for (const waiting of [answered, died]) waiting.catch(() => undefined);
      const task: RewrapTask = { identity, recipients, heads: batch.map(({ head }) => head) };
      this.#worker.postMessage(task);
      const [answers] = (await Promise.race([answered, died])) as [readonly RewrapAnswer[] | number];
      if (typeof answers === 'number') {
        throw new LowtideError('internal', `the thread that rewraps died with exit code ${answers}`);
      }
      batch.forEach(({ answer }, index) => {
        const given = answers[index];
        if (given !== undefined) answer(given);
      });
    } catch (thrown) {
      for (const { fail } of batch) fail(thrown);
    } finally {
      over.abort();
      this.#worker.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
