import { Readable } from 'node:stream';
import { bandwidthOf, reserve, type Bandwidth, type PaidAt } from './bandwidth.ts';

export interface LineOptions {
  readonly bytesPerSecond: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Throws the signal's reason when that is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The way to a store, where it is limited: whatever goes there shares the one bandwidth, and whatever comes from there another. */
export class Line {
  readonly #options: LineOptions;
  readonly #bandwidth: Bandwidth;
  readonly #paidAt: Record<'up' | 'down', PaidAt> = { up: -Infinity, down: -Infinity };

  constructor(options: LineOptions) {
    this.#options = options;
    this.#bandwidth = bandwidthOf(options.bytesPerSecond);
  }

  up(pieces: Pieces, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    return this.#pass('up', pieces, signal);
  }

  down(pieces: Pieces, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    return this.#pass('down', pieces, signal);
  }

  async *#pass(way: 'up' | 'down', pieces: Pieces, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { elapsed, sleep } = this.#options;
    const most = Math.min(this.#bandwidth.burstBytes, sliceBytes);
    for await (const piece of pieces) {
      for (let start = 0; start < piece.length; start += most) {
        const slice = piece.subarray(start, start + most);
        const { paidAt, waitMs } = reserve(this.#paidAt[way], slice.length, elapsed(), this.#bandwidth);
        this.#paidAt[way] = paidAt;
        if (waitMs > 0) await sleep(waitMs, signal);
        yield slice;
      }
    }
  }
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const sliceBytes = 64 * 1024;

/** Sends the body of a request over the line, as a stream where that is limited: on the wire, too, nothing is quicker. */
export async function sendOver<T>(
  line: Line | undefined,
  bytes: Buffer,
  signal: AbortSignal,
  send: (body: Buffer | Readable) => Promise<T>,
): Promise<T> {
  if (line === undefined || bytes.length === 0) return await send(bytes);
  const body = Readable.from(line.up([bytes], signal), { objectMode: false });
  // A stop ends the request by its own signal.
  body.on('error', () => undefined);
  try {
    return await send(body);
  } finally {
    body.destroy();
  }
}
