/** What is done one after the other, in the order in which it was asked for; one that fails keeps the next from nothing. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  async do<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    return await next;
  }
}
