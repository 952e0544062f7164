import { describe, expect, it } from 'vitest';
import { inPieces, never } from '../../../test/conformance/sealed.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { SourceReader } from './source-reader.ts';

const bytes = Buffer.from(Array.from({ length: 100 }, (_, index) => index));

describe('a source', () => {
  it.each([1, 7, 10, 100])('is read the same from pieces of %i bytes', async (size) => {
    const reader = new SourceReader(inPieces(bytes, size), never);
    const piece = await reader.peek();
    expect(piece).toEqual(bytes.subarray(0, size));
    reader.skip(1);
    const target = Buffer.alloc(60);
    expect(await reader.fill(target)).toBe(60);
    expect(target.equals(bytes.subarray(1, 61))).toBe(true);
    expect(reader.position).toBe(61);
    expect(await reader.fill(target)).toBe(39);
    expect(target.subarray(0, 39).equals(bytes.subarray(61))).toBe(true);
    expect(await reader.peek()).toBeUndefined();
    expect(await reader.fill(target)).toBe(0);
  });

  it('may hold empty pieces, which are not its end', async () => {
    const empty = Buffer.alloc(0);
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const piece of [empty, bytes, empty, empty, bytes, empty]) yield await Promise.resolve(piece);
    }
    const reader = new SourceReader(source(), never);
    expect(await reader.fill(Buffer.alloc(1000))).toBe(200);
  });

  it("is closed once, and its failure to close is nobody's", async () => {
    let closed = 0;
    const iterator = {
      next: () => Promise.resolve({ done: false as const, value: bytes }),
      return: () => {
        closed += 1;
        return Promise.reject(new Error('cannot close'));
      },
    };
    const reader = new SourceReader({ [Symbol.asyncIterator]: () => iterator }, never);
    await reader.peek();
    await reader.close();
    expect(closed).toBe(1);
  });

  it('that hangs is left when the signal aborts, at once', async () => {
    const abort = new AbortController();
    const asked = Promise.withResolvers<undefined>();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield bytes;
      asked.resolve(undefined);
      await new Promise(() => undefined);
    }
    const reader = new SourceReader(hanging(), abort.signal);
    const filled = reader.fill(Buffer.alloc(1000));
    await asked.promise;
    abort.abort(new Error('enough'));
    await expect(filled).rejects.toMatchObject({ code: 'cancelled', cause: new Error('enough') });
    await reader.close();
    await expect(reader.fill(Buffer.alloc(1))).rejects.toBeInstanceOf(LowtideError);
  });
});
