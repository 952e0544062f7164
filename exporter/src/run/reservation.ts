import type { EpochMs } from '../units/instant.ts';

/**
 * Room that is kept for one that waits, without more being left idle for it than it needs: what starts meanwhile is over by the
 * time at which it may start, or leaves it room. Known as EASY backfilling (D. Lifka, "The ANL/IBM SP scheduling system",
 * 1995). As long as runs take no longer than expected, nothing that starts puts it off.
 */
export class Reservation<Run extends { readonly until: EpochMs }, Lack> {
  readonly #lackBeside: (others: readonly Run[]) => Lack | undefined;
  /** When it is expected to find room; where what is in its way takes longer than expected, that is over already. */
  readonly #at: EpochMs;
  /** What goes on then. */
  readonly #others: Run[];

  /** `lackBeside`: what the one that waits finds too little of beside these; beside none, of nothing. */
  constructor(lackBeside: (others: readonly Run[]) => Lack | undefined, running: readonly Run[]) {
    this.#lackBeside = lackBeside;
    const lastFirst = running.toSorted((a, b) => b.until - a.until);
    // Beside the fewer of them, the more room there is: it is halved.
    let few = 0;
    let tooMany = lastFirst.length + 1;
    while (tooMany - few > 1) {
      const count = Math.floor((few + tooMany) / 2);
      if (lackBeside(lastFirst.slice(0, count)) === undefined) few = count;
      else tooMany = count;
    }
    const at = lastFirst[few]?.until ?? -Infinity;
    this.#at = at;
    this.#others = lastFirst.slice(0, few).filter(({ until }) => until > at);
  }

  /** What the one that waits would find too little of for a run that starts now; undefined: it is no later. */
  lackFor(run: Run): Lack | undefined {
    return run.until <= this.#at ? undefined : this.#lackBeside([...this.#others, run]);
  }

  /** Such a run has started. */
  add(run: Run): void {
    if (run.until > this.#at) this.#others.push(run);
  }
}
