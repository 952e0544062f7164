/** Work that is done one after the other, by name; that of different names goes on side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();
  #waiting = 0;

  /** How many have begun or wait, of all names. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Does the work when all that was given for this name before is over, however that ended. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(work);
    const over = mine.catch(() => undefined);
    this.#last.set(name, over);
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
      if (this.#last.get(name) === over) this.#last.delete(name);
    }
  }
}
