import assert from 'node:assert/strict';
import type { ErrorCode } from '../../errors/codes.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { GetOptions, PutOptions, Store, StoredObject } from '../store.ts';

/** What the laws put into a store and get out of it. */

const never = new AbortController().signal;

/** Bytes without a pattern that a lost, doubled or swapped piece could hide in. The same seed gives the same bytes. */
export function sampleBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0;
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export async function* bodyOf(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** The bytes in pieces of these sizes, over and over. */
export function inPieces(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0, turn = 0; start < bytes.length; turn += 1) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** Gives its pieces, and then nothing more: neither a piece nor an end. */
export class StalledBody implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[];
  readonly #end = Promise.withResolvers<IteratorResult<Uint8Array>>();
  readonly #stalled = Promise.withResolvers<undefined>();
  /** How often a piece was asked for. */
  asked = 0;
  /** Whether it was told that no more is wanted. */
  closed = false;

  constructor(...pieces: Uint8Array[]) {
    this.#pieces = pieces;
  }

  /** Resolves once all pieces have been taken and another is asked for. */
  get stalled(): Promise<undefined> {
    return this.#stalled.promise;
  }

  finish(): void {
    this.#end.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => {
        this.asked += 1;
        const value = this.#pieces.shift();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        this.#stalled.resolve(undefined);
        return this.#end.promise;
      },
      return: () => {
        this.closed = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

export function put(
  store: Store,
  name: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: Partial<PutOptions> = {},
): Promise<StoredObject> {
  return store.put(name, body instanceof Uint8Array ? bodyOf([body]) : body, { signal: never, ...options });
}

export async function read(store: Store, name: string, options: Partial<GetOptions> = {}): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.get(name, { signal: never, ...options })));
}

export async function namesIn(store: Store, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ name }) => name);
}

/** The object is there, whole, by every way of asking. */
export async function assertHolds(store: Store, name: string, bytes: Uint8Array): Promise<void> {
  assert.equal((await store.stat(name))?.sizeBytes, bytes.length, `size of ${name}`);
  assert.ok(
    Buffer.compare(await read(store, name), bytes) === 0,
    `${name} holds other bytes than were written`,
  );
  assert.deepEqual(await namesIn(store, name), [name]);
}

/** There is no such object, by every way of asking. */
export async function assertLacks(store: Store, name: string): Promise<void> {
  assert.equal(await store.stat(name), undefined, `${name} is there`);
  await assertRefused(read(store, name), 'store_missing_object');
  assert.deepEqual(await namesIn(store, name), []);
}

/** No name, and once swept nothing that a write has left either. */
export async function assertNothingLeft(store: Store, prefix: string): Promise<void> {
  assert.deepEqual(await namesIn(store, prefix), []);
  await store.sweep(prefix);
  assert.deepEqual(await store.sweep(prefix), []);
}

export function assertCode(thrown: unknown, code: ErrorCode): void {
  if (!(thrown instanceof LowtideError)) throw thrown;
  assert.equal(thrown.code, code, thrown.message);
}

export async function assertRefused(attempt: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(attempt, (thrown) => {
    assertCode(thrown, code);
    return true;
  });
}

export async function assertThrows(attempt: Promise<unknown>, expected: unknown): Promise<void> {
  await assert.rejects(attempt, (thrown) => {
    assert.equal(thrown, expected);
    return true;
  });
}
