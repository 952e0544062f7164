/** What the body of an object threw: a full disk under the source is not a full store. */
export class BodyFailure extends Error {
  constructor(cause: unknown) {
    super('the body of the object failed', { cause });
    this.name = 'BodyFailure';
  }
}

/**
 * The pieces of a body, one asked for at a time. Throws the signal's reason at once when it is aborted, also while the
 * body stalls, and a `BodyFailure` for what the body throws. A body that is no longer wanted is told so.
 */
export async function* readBody(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let state: 'waiting' | 'idle' | 'over' = 'idle';
  // One listener for all pieces: a promise raced against each would remember every one of them.
  let interrupt: (() => void) | undefined;
  const onAbort = (): void => interrupt?.();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      state = 'waiting';
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = () => reject(signal.reason as Error);
        Promise.try(() => iterator.next()).then(resolve, (thrown: unknown) => {
          state = 'over';
          reject(new BodyFailure(thrown));
        });
      });
      if (next.done === true) {
        state = 'over';
        return;
      }
      state = 'idle';
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (state !== 'over') {
      const returned = Promise.try(() => iterator.return?.()).catch(() => undefined);
      // A body that stalls answers when its next piece comes, which may be never.
      if (state === 'idle') await returned;
    }
  }
}
