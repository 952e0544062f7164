import { stopReason } from './cancelled.ts';

/**
 * A stream of pieces of any size, read by the byte. Reading rejects as soon as the signal aborts, even where the source itself
 * hangs.
 */
export class SourceReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #rest: Uint8Array = new Uint8Array(0);
  #position = 0;
  #asking = false;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** How many bytes have been taken. */
  get position(): number {
    return this.#position;
  }

  /** What comes next, at least one byte; undefined at the end. */
  async peek(): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#ask();
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    return this.#rest;
  }

  /** Takes what was peeked at, or its beginning. */
  skip(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#position += bytes;
  }

  /** Fills `target` as far as there are bytes; returns how many there were. */
  async fill(target: Uint8Array): Promise<number> {
    let length = 0;
    while (length < target.length) {
      const piece = await this.peek();
      if (piece === undefined) break;
      const taken = piece.subarray(0, target.length - length);
      target.set(taken, length);
      this.skip(taken.length);
      length += taken.length;
    }
    return length;
  }

  /** Lets go of the source. Does not reject: what was read has been judged, and a failure before this one tells more. */
  async close(): Promise<void> {
    const closed = Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
    // A generator closes only once it has answered, and one that hangs may never do that.
    if (!this.#asking) await closed;
  }

  async #ask(): Promise<IteratorResult<Uint8Array>> {
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(stopReason(this.#signal));
    if (this.#signal.aborted) throw stopReason(this.#signal);
    this.#signal.addEventListener('abort', stop);
    this.#asking = true;
    const next = this.#iterator.next().finally(() => (this.#asking = false));
    try {
      return await Promise.race([next, stopped.promise]);
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }
}
