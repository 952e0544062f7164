/**
 * Runs a generator up to its first yield, whose value is dropped. `return` on a generator that has not begun skips its
 * `finally`, and a stream that is destroyed before anybody has read it (`Readable.from`) calls just that.
 */
export function entered<T>(generator: AsyncGenerator<T>): AsyncGenerator<T> {
  void generator.next();
  return generator;
}
