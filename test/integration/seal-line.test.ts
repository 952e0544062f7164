import { openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { Pipe } from '../../exporter/src/process/pipe.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { unseal } from '../../exporter/src/seal/unseal.ts';
import { collect, inPieces, never, openWhole, sealWhole, sha256 } from '../conformance/sealed.ts';
import {
  aheadBytes,
  cancelled,
  eventually,
  headerBytes,
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

  describe('several files at once', () => {
    it('are sealed and opened, each to its own content and summary', async () => {
      const sizes = [0, 1, 65_536, MiB, 5 * MiB + 1, noise.length];
      await Promise.all(
        sizes.map(async (size) => {
          const plain = noise.subarray(noise.length - size);
          const sealed = await sealWhole(plain, [bed.recipient], bed.pool);
          const opened = await openWhole(inPieces(sealed.bytes, 700_001), [bed.identity], bed.pool);
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
      const pipes = await Pipe.open(bed.folder, 4);
      const sealings = pipes.map((pipe) => collect(bed.sealFrom(pipe.takeRead())));
      const last = pipes.at(-1)!;
      writeSync(last.writeFd, 'on its own');
      last.closeWrite();
      const { bytes } = await openWhole(inPieces(await sealings.at(-1)!), [bed.identity], bed.pool);
      expect(bytes.toString()).toBe('on its own');
      for (const pipe of pipes) pipe.closeWrite();
      expect(await Promise.all(sealings)).toHaveLength(4);
    });

    it('use threads again: at most as many as asked for are kept', async () => {
      await Promise.all([1, 2, 3, 4].map(() => sealWhole(noise.subarray(0, MiB), [bed.recipient], bed.pool)));
      await eventually(threadCount).toBe(bed.threadsBefore + threads);
      const started: unknown[] = [];
      const note = (worker: unknown): void => void started.push(worker);
      process.on('worker', note);
      for (let round = 0; round < 3; round += 1) await bed.expectUsable();
      process.off('worker', note);
      expect(started).toEqual([]);
    });
  });

  describe('a consumer', () => {
    it('that leaves early gives up', async () => {
      const sealing = bed.sealFrom(bed.file('plain', noise));
      for await (const piece of sealing) if (piece.length > headerBytes) break;
      await expect(sealing.summary).rejects.toMatchObject(cancelled);
      await eventually(bed.openFiles).toEqual([]);

      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      let closed = false;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        try {
          yield* inPieces(bytes, 100_000);
        } finally {
          closed = true;
        }
      };
      const opened = await unseal(source(), [bed.identity], { pool: bed.pool, signal: never });
      for await (const piece of opened) if (piece.length > 0) break;
      await expect(opened.summary).rejects.toMatchObject(cancelled);
      expect(closed).toBe(true);
      await bed.expectUsable();
      await eventually(threadCount).toBe(bed.threadsBefore + threads);
    });

    it('that is a stream, and destroyed before anybody read it, gives up too', async () => {
      const sealing = bed.sealFrom(bed.file('plain', noise));
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      const opened = await unseal(inPieces(bytes, 100_000), [bed.identity], {
        pool: bed.pool,
        signal: never,
      });
      for (const { summary, stream } of [sealing, opened].map((pieces) => ({
        summary: pieces.summary,
        stream: Readable.from(pieces),
      }))) {
        stream.destroy();
        await expect(summary).rejects.toMatchObject(cancelled);
      }
      await eventually(bed.openFiles).toEqual([]);
      await bed.expectUsable();
    });

    it('that is slow holds the reading thread: no more than the window is under way', async () => {
      const path = join(bed.folder, 'plain');
      writeFileSync(path, '');
      const total = 20 * MiB;
      truncateSync(path, total);
      const fd = openSync(path, 'r');
      const iterator = await take(bed.sealFrom(fd), 1);
      // Exactly as far ahead as it may be, and there it stays until a piece is taken.
      for (let taken = 0; aheadBytes + taken * MiB < total; taken += 1) {
        await eventually(() => positionOf(fd)).toBe(aheadBytes + taken * MiB);
        expect((await iterator.next()).done).toBe(false);
      }
      for (let left = aheadBytes / MiB; left > 0; left -= 1) expect((await iterator.next()).done).toBe(false);
      expect((await iterator.next()).done).toBe(true);
    });

    it('that is slow holds the source of an opening as well', async () => {
      const plain = Buffer.alloc(24 * MiB, 'x');
      const { bytes } = await sealWhole(plain, [bed.recipient], bed.pool);
      let pulled = 0;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of inPieces(bytes, 65_536)) {
          pulled += piece.length;
          yield piece;
        }
      };
      let taken = 0;
      for await (const piece of await unseal(source(), [bed.identity], { pool: bed.pool, signal: never })) {
        expect(pulled - taken).toBeLessThan(aheadBytes);
        taken += piece.length;
      }
      expect(taken).toBe(plain.length);
    });

    it('owns its pieces: none changes after it was handed out', async () => {
      const pieces: Uint8Array[] = [];
      const digests: string[] = [];
      for await (const piece of bed.sealFrom(bed.file('plain', noise))) {
        pieces.push(piece);
        digests.push(sha256(piece));
      }
      expect(pieces.map(sha256)).toEqual(digests);
      const { bytes } = await openWhole(inPieces(Buffer.concat(pieces)), [bed.identity], bed.pool);
      expect(noise.equals(bytes)).toBe(true);
    });
  });

  describe('a file that is damaged far inside', () => {
    it('gives out what comes before, then tells, and the threads are free', async () => {
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      for (const chunk of [0, 15, 16, 17, 100, 190]) {
        const changed = Buffer.from(bytes);
        changed[headerBytes + chunk * 65_552 + 7]! ^= 1;
        const opened = await unseal(inPieces(changed, 250_000), [bed.identity], {
          pool: bed.pool,
          signal: never,
        });
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
      await bed.expectUsable();
      await eventually(threadCount).toBe(bed.threadsBefore + threads);
    });

    it('passes on what its source throws, at any point', async () => {
      const { bytes } = await sealWhole(noise, [bed.recipient], bed.pool);
      const lost = new LowtideError('store_unavailable', 'connection lost');
      for (const after of [0, 10, 4090, headerBytes, 3 * MiB, bytes.length]) {
        const source = async function* (): AsyncGenerator<Uint8Array> {
          yield* inPieces(bytes.subarray(0, after), 100_000);
          throw lost;
        };
        const opening = unseal(source(), [bed.identity], { pool: bed.pool, signal: never }).then(collect);
        await expect(opening).rejects.toBe(lost);
      }
      await bed.expectUsable();
    });
  });
});
