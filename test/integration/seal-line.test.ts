import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { Pipe } from '../../exporter/src/process/pipe.ts';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import { createSealPool, type SealPool } from '../../exporter/src/seal/pool.ts';
import { seal, type Sealing } from '../../exporter/src/seal/seal.ts';
import { unseal } from '../../exporter/src/seal/unseal.ts';
import { collect, inPieces, never, openWhole, sealWhole, sha256 } from '../conformance/sealed.ts';

const MiB = 2 ** 20;
/** What may be under way: the window, and the two batches a reading thread holds. */
const aheadBytes = (6 + 2) * MiB;
const headerBytes = 4096;
const noise = randomBytes(12 * MiB + 100);

let identity: string;
let recipient: string;
let folder: string;
let pool: SealPool;
let threadsBefore: number;

beforeAll(async () => {
  identity = await generateIdentity('x25519');
  recipient = await recipientOf(identity);
  // Whatever Node starts once and keeps is started now.
  await using warm = createSealPool({ threads: 2 });
  const { bytes } = await sealWhole(noise, [recipient], warm);
  await openWhole(inPieces(bytes), [identity], warm);
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-line-'));
  threadsBefore = threadCount();
});
afterEach(async () => {
  await pool[Symbol.asyncDispose]();
  // The descriptors of the test's files and pipes, and the threads, are gone.
  await eventually(openFiles).toEqual([]);
  await eventually(threadCount).toBe(threadsBefore);
  rmSync(folder, { recursive: true });
});

function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

/** What this process holds open in the test's folder. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // The folder's own descriptor is closed by now.
      }
    })
    .filter((target) => target.startsWith(folder));
}

/** How far a descriptor of a file has been read. */
function positionOf(fd: number): number {
  return Number(/^pos:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
}

function file(name: string, content: Uint8Array): number {
  const path = join(folder, name);
  writeFileSync(path, content);
  return openSync(path, 'r');
}

async function openPipe(): Promise<Pipe> {
  const [pipe] = await Pipe.open(folder, 1);
  return pipe!;
}

/** Under load a thread may take its time; whatever is waited for here is certain to come. */
const eventually = (probe: () => unknown): ReturnType<typeof expect.poll> =>
  expect.poll(probe, { timeout: 20_000, interval: 5 });

const cancelled = { code: 'cancelled' };
const sealFrom = (fd: number, signal = never): Sealing => seal(fd, [recipient], { pool, signal });

/** The first `count` pieces, and the iterator to go on with. */
async function take(sealing: AsyncIterable<Uint8Array>, count: number): Promise<AsyncIterator<Uint8Array>> {
  const iterator = sealing[Symbol.asyncIterator]();
  for (let index = 0; index < count; index += 1) expect((await iterator.next()).done).toBe(false);
  return iterator;
}

/** The pool still does its work, on the threads it has. */
async function expectUsable(): Promise<void> {
  const plain = noise.subarray(0, 2 * MiB + 5);
  const { bytes } = await sealWhole(plain, [recipient], pool);
  expect(plain.equals((await openWhole(inPieces(bytes, 300_000), [identity], pool)).bytes)).toBe(true);
}

describe.each([1, 2])('with %i threads', (threads) => {
  beforeEach(() => {
    pool = createSealPool({ threads });
  });

  describe('several files at once', () => {
    it('are sealed and opened, each to its own content and summary', async () => {
      const sizes = [0, 1, 65_536, MiB, 5 * MiB + 1, noise.length];
      await Promise.all(
        sizes.map(async (size) => {
          const plain = noise.subarray(noise.length - size);
          const sealed = await sealWhole(plain, [recipient], pool);
          const opened = await openWhole(inPieces(sealed.bytes, 700_001), [identity], pool);
          expect(plain.equals(opened.bytes)).toBe(true);
          for (const { summary } of [sealed, opened]) {
            expect(summary).toMatchObject({
              plainSha256: sha256(plain),
              headerSha256: sha256(sealed.bytes.subarray(0, summary.headerBytes)),
              payloadSha256: sha256(sealed.bytes.subarray(summary.headerBytes)),
              payloadBytes: sealed.bytes.length - summary.headerBytes,
            });
          }
        }),
      );
    });

    it('never wait for one another: one goes through while others have nothing to read', async () => {
      const pipes = await Pipe.open(folder, 4);
      const sealings = pipes.map((pipe) => collect(sealFrom(pipe.takeRead())));
      const last = pipes.at(-1)!;
      writeSync(last.writeFd, 'on its own');
      last.closeWrite();
      const { bytes } = await openWhole(inPieces(await sealings.at(-1)!), [identity], pool);
      expect(bytes.toString()).toBe('on its own');
      for (const pipe of pipes) pipe.closeWrite();
      expect(await Promise.all(sealings)).toHaveLength(4);
    });

    it('use threads again: at most as many as asked for are kept', async () => {
      await Promise.all([1, 2, 3, 4].map(() => sealWhole(noise.subarray(0, MiB), [recipient], pool)));
      await eventually(threadCount).toBe(threadsBefore + threads);
      for (let round = 0; round < 3; round += 1) await expectUsable();
      expect(threadCount()).toBe(threadsBefore + threads);
    });
  });

  describe('aborting', () => {
    it('in the middle of a pipe rejects iteration and summary at once, and frees all when the writer is gone', async () => {
      const pipe = await openPipe();
      const abort = new AbortController();
      const sealing = sealFrom(pipe.takeRead(), abort.signal);
      const iterator = await take(sealing, 1);
      const next = iterator.next();
      abort.abort();
      await expect(next).rejects.toMatchObject(cancelled);
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      // The thread still waits in its read, so the descriptor is not taken away from under it.
      expect(openFiles()).toHaveLength(2);
      pipe.closeWrite();
      await eventually(openFiles).toEqual([]);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
      await expectUsable();
      await eventually(threadCount).toBe(threadsBefore + threads);
    });

    it('in the middle of a file ends there, with the reason of ours that was given', async () => {
      const abort = new AbortController();
      const sealing = sealFrom(file('plain', noise), abort.signal);
      const iterator = await take(sealing, 3);
      const reason = new LowtideError('interrupted', 'the service is being stopped');
      abort.abort(reason);
      await expect(iterator.next()).rejects.toBe(reason);
      await expect(sealing.summary).rejects.toBe(reason);
      await expectUsable();
    });

    it.each([
      ['a time limit', AbortSignal.timeout(0)],
      ['no reason', AbortSignal.abort()],
      ['a word', AbortSignal.abort('enough')],
    ])('by %s, even before the start, is `cancelled`', async (_name, signal) => {
      await eventually(() => signal.aborted).toBe(true);
      const sealing = sealFrom(file('plain', noise), signal);
      await expect(collect(sealing)).rejects.toMatchObject({ ...cancelled, cause: signal.reason as unknown });
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      const { bytes } = await sealWhole(noise, [recipient], pool);
      const opening = unseal(inPieces(bytes), [identity], { pool, signal });
      await expect(opening).rejects.toMatchObject({ ...cancelled, cause: signal.reason as unknown });
    });

    it('gives up a sealing that nobody iterates', async () => {
      const abort = new AbortController();
      const fd = file('plain', noise);
      const sealing = sealFrom(fd, abort.signal);
      await eventually(() => positionOf(fd)).toBe(aheadBytes);
      abort.abort();
      await eventually(openFiles).toEqual([]);
      await expect(collect(sealing)).rejects.toMatchObject(cancelled);
    });

    it('while opening rejects at once, though the source hangs, and closes the source', async () => {
      const { bytes } = await sealWhole(noise, [recipient], pool);
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
      const opened = await unseal(source, [identity], { pool, signal: abort.signal });
      const whole = collect(opened);
      whole.catch(() => undefined);
      await asked.promise;
      abort.abort();
      await expect(whole).rejects.toMatchObject(cancelled);
      await expect(opened.summary).rejects.toMatchObject(cancelled);
      expect(closed).toBe(true);
      await expectUsable();
    });
  });

  describe('a consumer', () => {
    it('that leaves early gives up', async () => {
      const sealing = sealFrom(file('plain', noise));
      for await (const piece of sealing) if (piece.length > headerBytes) break;
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      await eventually(openFiles).toEqual([]);

      const { bytes } = await sealWhole(noise, [recipient], pool);
      let closed = false;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        try {
          yield* inPieces(bytes, 100_000);
        } finally {
          closed = true;
        }
      };
      const opened = await unseal(source(), [identity], { pool, signal: never });
      for await (const piece of opened) if (piece.length > 0) break;
      await expect(opened.summary).rejects.toMatchObject(cancelled);
      expect(closed).toBe(true);
      await expectUsable();
      await eventually(threadCount).toBe(threadsBefore + threads);
    });

    it('that is a stream, and destroyed before anybody read it, gives up too', async () => {
      const sealing = sealFrom(file('plain', noise));
      const { bytes } = await sealWhole(noise, [recipient], pool);
      const opened = await unseal(inPieces(bytes, 100_000), [identity], { pool, signal: never });
      for (const { summary, stream } of [sealing, opened].map((pieces) => ({
        summary: pieces.summary,
        stream: Readable.from(pieces),
      }))) {
        stream.destroy();
        await expect(summary).rejects.toMatchObject(cancelled);
      }
      await eventually(openFiles).toEqual([]);
      await expectUsable();
    });

    it('that is slow holds the reading thread: no more than the window is under way', async () => {
      const path = join(folder, 'plain');
      writeFileSync(path, '');
      const total = 20 * MiB;
      truncateSync(path, total);
      const fd = openSync(path, 'r');
      const iterator = await take(sealFrom(fd), 1);
      for (let taken = 0; taken * MiB < total; taken += 1) {
        // Exactly as far ahead as it may be, and there it stays until a piece is taken.
        const expected = Math.min(total, aheadBytes + taken * MiB);
        await eventually(() => positionOf(fd)).toBe(expected);
        expect((await iterator.next()).done).toBe(false);
      }
      expect((await iterator.next()).done).toBe(true);
    });

    it('that is slow holds the source of an opening as well', async () => {
      const plain = Buffer.alloc(24 * MiB, 'x');
      const { bytes } = await sealWhole(plain, [recipient], pool);
      let pulled = 0;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of inPieces(bytes, 65_536)) {
          pulled += piece.length;
          yield piece;
        }
      };
      let taken = 0;
      for await (const piece of await unseal(source(), [identity], { pool, signal: never })) {
        expect(pulled - taken).toBeLessThan(aheadBytes);
        taken += piece.length;
      }
      expect(taken).toBe(plain.length);
    });

    it('owns its pieces: none changes after it was handed out', async () => {
      const pieces: Uint8Array[] = [];
      const digests: string[] = [];
      for await (const piece of sealFrom(file('plain', noise))) {
        pieces.push(piece);
        digests.push(sha256(piece));
      }
      expect(pieces.map(sha256)).toEqual(digests);
      const { bytes } = await openWhole(inPieces(Buffer.concat(pieces)), [identity], pool);
      expect(noise.equals(bytes)).toBe(true);
    });
  });

  describe('a descriptor that cannot be read', () => {
    it.each<[string, string, () => Promise<number>]>([
      ['a folder', 'EISDIR', () => Promise.resolve(openSync(folder, 'r'))],
      [
        'one opened for writing',
        'EBADF',
        () => Promise.resolve(openSync(join(folder, 'new'), constants.O_WRONLY | constants.O_CREAT)),
      ],
    ])('is told: %s', async (_name, code, open) => {
      const sealing = sealFrom(await open());
      const failure = { code: 'source_unreadable', message: expect.stringContaining(code) as string };
      await expect(collect(sealing)).rejects.toMatchObject(failure);
      await expect(sealing.summary).rejects.toMatchObject(failure);
      await eventually(openFiles).toEqual([]);
      await expectUsable();
    });

    it('is told where it is none at all, without taking the process down', async () => {
      const sealing = sealFrom(2 ** 20);
      await expect(collect(sealing)).rejects.toMatchObject({ code: 'source_unreadable' });
      await expectUsable();
    });

    it('is closed as well when there is nobody to seal to', async () => {
      const sealing = seal(file('plain', noise), ['age1nobody'], { pool, signal: never });
      await expect(sealing.summary).rejects.toMatchObject({ code: 'recipient_invalid' });
      await expect(collect(sealing)).rejects.toMatchObject({ code: 'recipient_invalid' });
      await eventually(openFiles).toEqual([]);
    });
  });

  describe('a file that is damaged far inside', () => {
    it('gives out what comes before, then tells, and the threads are free', async () => {
      const { bytes } = await sealWhole(noise, [recipient], pool);
      for (const chunk of [0, 15, 16, 17, 100, 190]) {
        const changed = Buffer.from(bytes);
        changed[headerBytes + chunk * 65_552 + 7]! ^= 1;
        const opened = await unseal(inPieces(changed, 250_000), [identity], { pool, signal: never });
        const pieces: Uint8Array[] = [];
        const whole = (async () => {
          for await (const piece of opened) pieces.push(piece);
        })();
        const failure = {
          code: 'payload_invalid',
          message: expect.stringContaining(
            `chunk ${chunk}, at byte ${headerBytes + chunk * 65_552},`,
          ) as string,
        };
        await expect(whole).rejects.toMatchObject(failure);
        await expect(opened.summary).rejects.toMatchObject(failure);
        expect(noise.subarray(0, chunk * 65_536).equals(Buffer.concat(pieces))).toBe(true);
      }
      await expectUsable();
      await eventually(threadCount).toBe(threadsBefore + threads);
    });

    it('passes on what its source throws, at any point', async () => {
      const { bytes } = await sealWhole(noise, [recipient], pool);
      const lost = new LowtideError('store_unavailable', 'connection lost');
      for (const after of [0, 10, 4090, headerBytes, 3 * MiB, bytes.length]) {
        const source = async function* (): AsyncGenerator<Uint8Array> {
          yield* inPieces(bytes.subarray(0, after), 100_000);
          throw lost;
        };
        const opening = unseal(source(), [identity], { pool, signal: never }).then(collect);
        await expect(opening).rejects.toBe(lost);
      }
      await expectUsable();
    });
  });

  describe('disposing of the pool', () => {
    it('while it works gives up every file, and waits for its threads', async () => {
      const { bytes } = await sealWhole(noise, [recipient], pool);
      const pipe = await openPipe();
      const fromPipe = sealFrom(pipe.takeRead());
      const fromFile = sealFrom(file('plain', noise));
      const opened = await unseal(inPieces(bytes, 100_000), [identity], { pool, signal: never });
      const iterators = [await take(fromPipe, 1), await take(fromFile, 2), await take(opened, 1)];
      const disposed = pool[Symbol.asyncDispose]();
      for (const iterator of iterators) await expect(iterator.next()).rejects.toMatchObject(cancelled);
      for (const { summary } of [fromPipe, fromFile, opened])
        await expect(summary).rejects.toMatchObject(cancelled);
      pipe.closeWrite();
      await disposed;
      expect(threadCount()).toBe(threadsBefore);
      await expect(collect(sealFrom(file('late', noise)))).rejects.toMatchObject(cancelled);
    });
  });
});

it('an idle pool keeps no process alive', () => {
  pool = createSealPool({ threads: 2 });
  const url = (path: string): string =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, '../..', path)).href);
  writeFileSync(join(folder, 'plain'), noise);
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
    ['--input-type=module', '-e', script, join(folder, 'plain'), recipient],
    { encoding: 'utf8', timeout: 30_000 },
  );
  expect([status, stdout, stderr]).toEqual([0, `${sha256(noise)}\n`, '']);
});

it('a task of ours that makes no sense is an internal error, and no unreadable source', async () => {
  pool = createSealPool({ threads: 1 });
  const { port1, port2 } = new MessageChannel();
  const fd = file('plain', noise.subarray(0, 100));
  const task = {
    work: 'seal',
    place: 'only',
    key: 'no key',
    nonce: new Uint8Array(16),
    input: fd,
    output: port2,
  };
  const cells = new Int32Array(new SharedArrayBuffer(12));
  await expect(pool.run({ ...task, cells } as never)).rejects.toMatchObject({ code: 'internal' });
  port1.close();
  closeSync(fd);
  await expectUsable();
});
