/** How many batches may be on their way through a line at once: its memory is this times about 2 MiB. */
export const window = 6;

const taken = 0;
const finished = 1;
const stopped = 2;
const cellCount = 3;

/**
 * What the threads of a line tell one another without messages, for a thread that is blocked in a read or a wait gets none.
 * `cells` go to the other threads, which make a control of their own from them.
 */
export class LineControl {
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(cells = new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT))) {
    this.cells = cells;
  }

  /** The consumer has taken a batch. */
  countTaken(): void {
    Atomics.add(this.cells, taken, 1);
    Atomics.notify(this.cells, taken);
  }

  /** The second station is done with a batch. */
  countFinished(): void {
    Atomics.add(this.cells, finished, 1);
  }

  get finished(): number {
    return Atomics.load(this.cells, finished);
  }

  get stopped(): boolean {
    return Atomics.load(this.cells, stopped) !== 0;
  }

  stop(): void {
    Atomics.store(this.cells, stopped, 1);
    // A count that changes is what wakes a waiting thread, even one that is only about to wait.
    this.countTaken();
  }

  /** Blocks while the consumer is a window behind `sent` batches. False when the line has stopped. */
  waitForRoom(sent: number): boolean {
    for (;;) {
      const count = Atomics.load(this.cells, taken);
      if (this.stopped) return false;
      if (sent - count < window) return true;
      Atomics.wait(this.cells, taken, count);
    }
  }
}
