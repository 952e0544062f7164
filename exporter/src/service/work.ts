import type { Progress } from '../api/contract.ts';

/** How far one piece of work has come, from what it tells. */
class Meter {
  #expectedBytes: number | undefined;
  readonly #elapsed: () => number;
  /** Of the last seconds, oldest first. */
  readonly #samples: { readonly at: number; readonly bytes: number }[];
  #slowedBy: string | undefined;

  constructor(elapsed: () => number, expectedBytes: number | undefined) {
    this.#elapsed = elapsed;
    this.#expectedBytes = expectedBytes;
    this.#samples = [{ at: elapsed(), bytes: 0 }];
  }

  /** From here on the rate is counted: `bytes` were done before. */
  readonly begin = (bytes: number): void => {
    this.#samples.splice(0, this.#samples.length, { at: this.#elapsed(), bytes });
  };

  readonly update = (bytes: number, expectedBytes: number | undefined): void => {
    const at = this.#elapsed();
    this.#expectedBytes = expectedBytes ?? this.#expectedBytes;
    const last = this.#samples.at(-1);
    if (last !== undefined && this.#samples.length > 1 && at - last.at < sampleEveryMs) this.#samples.pop();
    this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > rateOverMs) this.#samples.shift();
  };

  readonly slow = (why: string | undefined): void => {
    this.#slowedBy = why;
  };

  progress(): Progress {
    return { ...this.#bytes(), ...(this.#slowedBy !== undefined && { slowedBy: this.#slowedBy }) };
  }

  #bytes(): Progress {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const bytes = last?.bytes ?? 0;
    const seconds = (this.#elapsed() - (first?.at ?? 0)) / 1000;
    const bytesPerSecond = seconds <= 0 ? 0 : Math.max(0, bytes - (first?.bytes ?? 0)) / seconds;
    const expected = this.#expectedBytes;
    if (expected === undefined || expected === 0) return { bytes, bytesPerSecond };
    return {
      bytes,
      expectedBytes: expected,
      // A guess is a guess: what goes on beyond it stays below 1.
      ratio: Math.min(bytes / expected, 0.99),
      bytesPerSecond,
      ...(bytesPerSecond > 0 && { etaSeconds: Math.max(0, expected - bytes) / bytesPerSecond }),
    };
  }
}

const sampleEveryMs = 1000;
const rateOverMs = 10_000;

/** What the id is of; verifications and restores count as runs. */
export type WorkKind = 'run' | 'rotation' | 'drill';

/** One piece of work while it goes on. */
export interface WorkInHand extends Disposable {
  /** Aborted when it is cancelled, or the service cannot wait any longer. */
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
  /** It is slowed down, for the host is above this; undefined: no longer. */
  readonly onPace: (why: string | undefined) => void;
  /** The same for work that learns meanwhile how much it is. */
  readonly onProgressOf: (bytes: number, expectedBytes: number) => void;
  /** So much had been done before it went on. */
  readonly resumeAt: (bytes: number) => void;
  /** Its name is known now: from here on it can be asked for, and cancelled. */
  readonly call: (id: string, kind: WorkKind) => void;
}

/** What goes on in this process, by the id of its run: how far it has come, and how it is ended early. */
export class WorkRegistry {
  readonly #elapsed: () => number;
  readonly #interrupted: AbortSignal;
  readonly #inHand = new Map<
    string,
    { readonly meter: Meter; readonly control: AbortController; readonly kind: WorkKind }
  >();

  constructor(elapsed: () => number, interrupted: AbortSignal) {
    this.#elapsed = elapsed;
    this.#interrupted = interrupted;
  }

  begin(expectedBytes: number | undefined): WorkInHand {
    const meter = new Meter(this.#elapsed, expectedBytes);
    const control = new AbortController();
    let name: string | undefined;
    return {
      signal: AbortSignal.any([control.signal, this.#interrupted]),
      onProgress: (bytes) => meter.update(bytes, undefined),
      onPace: meter.slow,
      onProgressOf: meter.update,
      resumeAt: meter.begin,
      call: (id, kind) => {
        name = id;
        this.#inHand.set(id, { meter, control, kind });
      },
      [Symbol.dispose]: () => {
        if (name !== undefined) this.#inHand.delete(name);
      },
    };
  }

  progressOf(id: string): Progress | undefined {
    return this.#inHand.get(id)?.meter.progress();
  }

  progress(): readonly { readonly id: string; readonly kind: WorkKind; readonly progress: Progress }[] {
    return [...this.#inHand].map(([id, { meter, kind }]) => ({ id, kind, progress: meter.progress() }));
  }

  /** Whether there was something to be ended. */
  cancel(id: string, reason: Error): boolean {
    const found = this.#inHand.get(id);
    found?.control.abort(reason);
    return found !== undefined;
  }
}
