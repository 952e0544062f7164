/**
 * A body in parts that can be sent again: each is copied into memory of its own, and given back to be filled anew once it
 * has arrived. Every part but the last has the size that is asked for.
 */
export class PartCutter {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #free: Buffer[] = [];
  #rest: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#pieces = body[Symbol.asyncIterator]();
  }

  /** True once the body has ended and all of it was given out. */
  get ended(): boolean {
    return this.#ended && this.#rest.length === 0;
  }

  /** The next part; shorter than `sizeBytes` where the body ends, and empty behind that. */
  async next(sizeBytes: number): Promise<Buffer> {
    const part = this.#takeMemory(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      if (this.#rest.length === 0 && !(await this.#readPiece())) break;
      const taken = this.#rest.subarray(0, sizeBytes - filled);
      part.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
    return part.subarray(0, filled);
  }

  /** Nobody reads this part any more. */
  giveBack(part: Buffer): void {
    this.#free.push(Buffer.from(part.buffer));
  }

  /** No more is wanted of the body. */
  async leave(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #readPiece(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#pieces.next();
    if (next.done === true) this.#ended = true;
    else this.#rest = next.value;
    return next.done !== true;
  }

  #takeMemory(sizeBytes: number): Buffer {
    const known = this.#free.findIndex(({ length }) => length === sizeBytes);
    if (known >= 0) return this.#free.splice(known, 1)[0] ?? Buffer.allocUnsafeSlow(sizeBytes);
    // The size has grown: those that are smaller are of no use any more.
    this.#free.length = 0;
    return Buffer.allocUnsafeSlow(sizeBytes);
  }
}

/**
 * Work that goes on while more is begun, within a limit of bytes; the first failure stops it all.
 * `signal` is aborted by that failure, and by the signal it was made from.
 */
export class InFlight {
  readonly signal: AbortSignal;
  readonly #failed = new AbortController();
  readonly #limitBytes: number;
  readonly #running = new Map<Promise<void>, number>();

  constructor(limitBytes: number, signal: AbortSignal) {
    this.#limitBytes = limitBytes;
    this.signal = AbortSignal.any([signal, this.#failed.signal]);
  }

  /** Begins the work, and resolves once there is room for more. One piece of work always has room. */
  async add(bytes: number, work: () => Promise<void>): Promise<void> {
    const running: Promise<void> = Promise.try(work)
      .catch((thrown: unknown) => this.#failed.abort(thrown))
      .finally(() => this.#running.delete(running));
    this.#running.set(running, bytes);
    while (this.#bytes() > this.#limitBytes - bytes && this.#running.size > 0) {
      await Promise.race(this.#running.keys());
    }
    this.signal.throwIfAborted();
  }

  /** Resolves once all has ended; throws the first failure, or the signal's reason. */
  async end(): Promise<void> {
    await Promise.all(this.#running.keys());
    this.signal.throwIfAborted();
  }

  /** Stops what goes on, and waits for it. */
  async stop(): Promise<void> {
    this.#failed.abort(new Error('stopped'));
    await Promise.all(this.#running.keys());
  }

  #bytes(): number {
    return [...this.#running.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** What the work gives, or the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
