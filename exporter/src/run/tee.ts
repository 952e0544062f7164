/**
 * One stream for several readers, at the pace of the slowest: the next piece is asked for once all of them have taken the
 * last, so no more than one piece is held however far apart they are. A reader that leaves no longer counts; when the
 * last one has left, the source is closed. A source that fails, fails for all.
 */
export function tee(source: AsyncIterable<Uint8Array>, count: number): readonly TeeReader[] {
  const splitter = new Splitter(source[Symbol.asyncIterator](), count);
  return Array.from({ length: count }, () => new TeeReader(splitter));
}

type Step = IteratorResult<Uint8Array, undefined>;

/** To be iterated once, one piece at a time; `leave` it in every case, or it holds up the others. */
export class TeeReader implements AsyncIterableIterator<Uint8Array> {
  readonly #splitter: Splitter;
  #left = false;

  constructor(splitter: Splitter) {
    this.#splitter = splitter;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    return this.#left ? Promise.resolve({ done: true, value: undefined }) : this.#splitter.next();
  }

  async return(): Promise<Step> {
    await this.leave();
    return { done: true, value: undefined };
  }

  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    await this.#splitter.leave();
  }
}

class Splitter {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #waiting: PromiseWithResolvers<Step>[] = [];
  #readers: number;

  constructor(source: AsyncIterator<Uint8Array>, readers: number) {
    this.#source = source;
    this.#readers = readers;
  }

  next(): Promise<Step> {
    const waiting = Promise.withResolvers<Step>();
    this.#waiting.push(waiting);
    this.#advance();
    return waiting.promise;
  }

  async leave(): Promise<void> {
    this.#readers -= 1;
    if (this.#readers === 0) await this.#source.return?.();
    else this.#advance();
  }

  /** Once nobody is busy with the last piece. */
  #advance(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#readers) return;
    const readers = this.#waiting.splice(0);
    this.#source.next().then(
      (step) => readers.forEach((reader) => reader.resolve(step as Step)),
      (thrown: unknown) => readers.forEach((reader) => reader.reject(thrown)),
    );
  }
}
