/** A stream of pieces of any size, read by the byte. */
export class SourceReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** How many bytes have been taken. */
  get position(): number {
    return this.#position;
  }

  /** What comes next, at least one byte; undefined at the end. */
  async peek(): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#iterator.next();
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

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
