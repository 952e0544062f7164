import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { seal } from '../../exporter/src/seal/seal.ts';
import { unseal } from '../../exporter/src/seal/unseal.ts';
import { collect, inPieces, never, sealWhole, sha256 } from '../conformance/sealed.ts';
import {
  aheadBytes,
  cancelled,
  eventually,
  MiB,
  noise,
  positionOf,
  sealBed,
  take,
  threadCount,
} from './seal-bed.ts';

const bed = sealBed();

describe.each([1, 2])('with %i threads', (threads) => {
  beforeEach(() => {
    bed.pool = createSealPool({ threads });
  });

  describe('aborting', () => {
    it('in the middle of a pipe rejects iteration and summary at once, and frees all when the writer is gone', async () => {
      const pipe = await bed.openPipe();
      const abort = new AbortController();
      const sealing = bed.sealFrom(pipe.takeRead(), abort.signal);
      const iterator = await take(sealing, 1);
      const next = iterator.next();
      abort.abort();
      await expect(next).rejects.toMatchObject(cancelled);
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      // The thread still waits in its read, so the descriptor is not taken away from under it.
      expect(bed.openFiles()).toHaveLength(2);
      pipe.closeWrite();
      await eventually(bed.openFiles).toEqual([]);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
      await bed.expectUsable();
      await eventually(threadCount).toBe(bed.threadsBefore + threads);
    });

    it('in the middle of a file ends there, with the reason of ours that was given', async () => {
      const abort = new AbortController();
      const sealing = bed.sealFrom(bed.file('plain', noise), abort.signal);
      const iterator = await take(sealing, 3);
      const reason = new LowtideError('interrupted', 'the service is being stopped');
      abort.abort(reason);
      await expect(iterator.next()).rejects.toBe(reason);
      await expect(sealing.summary).rejects.toBe(reason);
      await bed.expectUsable();
    });

    it('drops what was on its way: nothing comes out after it', async () => {
      const abort = new AbortController();
      const fd = bed.file('plain', noise);
      const iterator = await take(bed.sealFrom(fd, abort.signal), 1);
      const next = iterator.next().then(() => abort.abort());
      // It has asked by then, and all that may be under way arrives in one go, behind the piece that is answered by a stop.
      await new Promise(setImmediate);
      while (positionOf(fd) < aheadBytes);
      await next;
      await new Promise(setImmediate);
      await expect(iterator.next()).rejects.toMatchObject(cancelled);
    });

    it.each([
      ['a time limit', AbortSignal.timeout(0)],
      ['no reason', AbortSignal.abort()],
      ['a word', AbortSignal.abort('enough')],
    ])('by %s, even before the start, is `cancelled`', async (_name, signal) => {
      await eventually(() => signal.aborted).toBe(true);
      const sealing = bed.sealFrom(bed.file('plain', noise), signal);
      await expect(collect(sealing)).rejects.toMatchObject({ ...cancelled, cause: signal.reason as unknown });
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      const opening = unseal(inPieces(bytes), [bed.identity], { pool: bed.pool, signal });
      await expect(opening).rejects.toMatchObject({ ...cancelled, cause: signal.reason as unknown });
    });

    it('gives up a sealing that nobody iterates', async () => {
      const abort = new AbortController();
      const fd = bed.file('plain', noise);
      const sealing = bed.sealFrom(fd, abort.signal);
      await eventually(() => positionOf(fd)).toBe(aheadBytes);
      abort.abort();
      await eventually(bed.openFiles).toEqual([]);
      await expect(collect(sealing)).rejects.toMatchObject(cancelled);
    });

    it('while opening rejects at once, though the source hangs, and closes the source', async () => {
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      const abort = new AbortController();
      const asked = Promise.withResolvers<undefined>();
      let closed = false;
      const source = {
        step: 0,
        next(): Promise<IteratorResult<Uint8Array>> {
          this.step += 1;
          if (this.step === 1) return Promise.resolve({ value: bytes.subarray(0, 3 * MiB), done: false });
          asked.resolve(undefined);
          return new Promise(() => undefined);
        },
        return(): Promise<IteratorResult<Uint8Array>> {
          closed = true;
          return new Promise(() => undefined);
        },
        [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
          return this;
        },
      };
      const opened = await unseal(source, [bed.identity], { pool: bed.pool, signal: abort.signal });
      const whole = collect(opened);
      whole.catch(() => undefined);
      await asked.promise;
      abort.abort();
      await expect(whole).rejects.toMatchObject(cancelled);
      await expect(opened.summary).rejects.toMatchObject(cancelled);
      expect(closed).toBe(true);
      await bed.expectUsable();
    });
  });

  describe('a descriptor that cannot be read', () => {
    it.each<[string, string, () => Promise<number>]>([
      ['a folder', 'EISDIR', () => Promise.resolve(openSync(bed.folder, 'r'))],
      [
        'one opened for writing',
        'EBADF',
        () => Promise.resolve(openSync(join(bed.folder, 'new'), constants.O_WRONLY | constants.O_CREAT)),
      ],
    ])('is told: %s', async (_name, code, open) => {
      const sealing = bed.sealFrom(await open());
      const failure = { code: 'source_unreadable', message: expect.stringContaining(code) as string };
      await expect(collect(sealing)).rejects.toMatchObject(failure);
      await expect(sealing.summary).rejects.toMatchObject(failure);
      await eventually(bed.openFiles).toEqual([]);
      await bed.expectUsable();
    });

    it('is told where it is none at all, without taking the process down', async () => {
      const sealing = bed.sealFrom(2 ** 20);
      await expect(collect(sealing)).rejects.toMatchObject({ code: 'source_unreadable' });
      await bed.expectUsable();
    });

    it('is closed as well when there is nobody to seal to', async () => {
      const sealing = seal(bed.file('plain', noise), ['age1nobody'], { pool: bed.pool, signal: never });
      await expect(sealing.summary).rejects.toMatchObject({ code: 'recipient_invalid' });
      await expect(collect(sealing)).rejects.toMatchObject({ code: 'recipient_invalid' });
      await eventually(bed.openFiles).toEqual([]);
    });
  });

  describe('disposing of the pool', () => {
    it('while it works gives up every file, and waits for its threads', async () => {
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      const pipe = await bed.openPipe();
      const fromPipe = bed.sealFrom(pipe.takeRead());
      const fromFile = bed.sealFrom(bed.file('plain', noise));
      const opened = await unseal(inPieces(bytes, 100_000), [bed.identity], {
        pool: bed.pool,
        signal: never,
      });
      const iterators = [await take(fromPipe, 1), await take(fromFile, 2), await take(opened, 1)];
      const asked = Promise.withResolvers<undefined>();
      // eslint-disable-next-line require-yield
      const hanging = async function* (): AsyncGenerator<Uint8Array> {
        asked.resolve(undefined);
        await new Promise(() => undefined);
      };
      const opening = unseal(hanging(), [bed.identity], { pool: bed.pool, signal: never });
      opening.catch(() => undefined);
      await asked.promise;
      const disposed = bed.pool[Symbol.asyncDispose]();
      await expect(opening).rejects.toMatchObject(cancelled);
      for (const iterator of iterators) await expect(iterator.next()).rejects.toMatchObject(cancelled);
      for (const { summary } of [fromPipe, fromFile, opened])
        await expect(summary).rejects.toMatchObject(cancelled);
      pipe.closeWrite();
      await disposed;
      expect(threadCount()).toBe(bed.threadsBefore);
      await expect(collect(bed.sealFrom(bed.file('late', noise)))).rejects.toMatchObject(cancelled);
    });
  });
});

it('an idle pool keeps no process alive', () => {
  bed.pool = createSealPool({ threads: 2 });
  const url = (path: string): string =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, '../..', path)).href);
  writeFileSync(join(bed.folder, 'plain'), noise);
  const script = `
    import { openSync } from 'node:fs';
    const { createSealPool } = await import(${url('exporter/src/seal/pool.ts')});
    const { seal } = await import(${url('exporter/src/seal/seal.ts')});
    const pool = createSealPool({ threads: 2 });
    const { signal } = new AbortController();
    const sealing = seal(openSync(process.argv[1], 'r'), [process.argv[2]], { pool, signal });
    for await (const piece of sealing);
    console.log((await sealing.summary).plainSha256);`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script, join(bed.folder, 'plain'), bed.recipient],
    { encoding: 'utf8', timeout: 30_000 },
  );
  expect([status, stdout, stderr]).toEqual([0, `${sha256(noise)}\n`, '']);
});

it('a task of ours that makes no sense is an internal error, and no unreadable source', async () => {
  bed.pool = createSealPool({ threads: 1 });
  const { port1, port2 } = new MessageChannel();
  const fd = bed.file('plain', noise.subarray(0, 100));
  const task = {
    work: 'seal',
    place: 'only',
    key: 'no key',
    nonce: new Uint8Array(16),
    input: fd,
    output: port2,
  };
  const cells = new Int32Array(new SharedArrayBuffer(12));
  await expect(bed.pool.run({ ...task, cells } as never)).rejects.toMatchObject({ code: 'internal' });
  port1.close();
  closeSync(fd);
  await bed.expectUsable();
});
