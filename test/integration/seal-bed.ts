import { randomBytes } from 'node:crypto';
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { Pipe } from '../../exporter/src/process/pipe.ts';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import { createSealPool, type SealPool } from '../../exporter/src/seal/pool.ts';
import { seal, type Sealing } from '../../exporter/src/seal/seal.ts';
import { inPieces, never, openWhole, sealWhole } from '../conformance/sealed.ts';

export const MiB = 2 ** 20;
/** What may be under way: the window, and the two batches a reading thread holds. */
export const aheadBytes = (6 + 2) * MiB;
/** Header and nonce. */
export const headerBytes = 4096;
export const noise = randomBytes(12 * MiB + 100);
export const cancelled = { code: 'cancelled' };

/** A folder and a pool for each test, after which every descriptor and thread has to be gone. */
export interface SealBed {
  readonly folder: string;
  readonly identity: string;
  readonly recipient: string;
  readonly threadsBefore: number;
  /** The test makes it, with as many threads as it is about. */
  pool: SealPool;
  readonly sealFrom: (fd: number, signal?: AbortSignal) => Sealing;
  /** A descriptor of a new file. */
  readonly file: (name: string, content: Uint8Array) => number;
  readonly openPipe: () => Promise<Pipe>;
  /** What this process holds open in the test's folder. */
  readonly openFiles: () => readonly string[];
  /** The pool still does its work. */
  readonly expectUsable: () => Promise<void>;
}

/** Registers the hooks; its fields are there once a test runs. */
export function sealBed(): SealBed {
  let folder = '';
  let identity = '';
  let recipient = '';
  let threadsBefore = 0;
  let pool: SealPool | undefined;

  beforeAll(async () => {
    identity = await generateIdentity('x25519');
    recipient = await recipientOf(identity);
    // Whatever Node starts once and keeps is started now.
    await using warm = createSealPool({ threads: 2 });
    const { bytes } = await sealWhole(noise, [recipient], warm);
    await openWhole(inPieces(bytes), [identity], warm);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-seal-'));
    threadsBefore = threadCount();
  });
  afterEach(async () => {
    await pool?.[Symbol.asyncDispose]();
    await eventually(bed.openFiles).toEqual([]);
    await eventually(threadCount).toBe(threadsBefore);
    rmSync(folder, { recursive: true });
  });

  const bed: SealBed = {
    get folder() {
      return folder;
    },
    get identity() {
      return identity;
    },
    get recipient() {
      return recipient;
    },
    get threadsBefore() {
      return threadsBefore;
    },
    get pool() {
      if (pool === undefined) throw new TypeError('the test has made no pool');
      return pool;
    },
    set pool(made) {
      pool = made;
    },
    sealFrom: (fd, signal = never) => seal(fd, [recipient], { pool: bed.pool, signal }),
    file(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return openSync(path, 'r');
    },
    async openPipe() {
      const [pipe] = await Pipe.open(folder, 1);
      if (pipe === undefined) throw new TypeError('there is no pipe');
      return pipe;
    },
    openFiles: () =>
      readdirSync('/proc/self/fd')
        .map(targetOf)
        .filter((target) => target.startsWith(folder)),
    async expectUsable() {
      const plain = noise.subarray(0, 2 * MiB + 5);
      const { bytes } = await sealWhole(plain, [recipient], bed.pool);
      const opened = await openWhole(inPieces(bytes, 300_000), [identity], bed.pool);
      expect(plain.equals(opened.bytes)).toBe(true);
    },
  };
  return bed;
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // The listing's own descriptor is closed by now.
  }
}

export function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

/** How far a descriptor of a file has been read. */
export function positionOf(fd: number): number {
  return Number(/^pos:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
}

/** Under load a thread may take its time; whatever is waited for here is certain to come. */
export const eventually = (probe: () => unknown): ReturnType<typeof expect.poll> =>
  expect.poll(probe, { timeout: 20_000, interval: 5 });

/** The first `count` pieces, and the iterator to go on with. */
export async function take(
  pieces: AsyncIterable<Uint8Array>,
  count: number,
): Promise<AsyncIterator<Uint8Array>> {
  const iterator = pieces[Symbol.asyncIterator]();
  for (let index = 0; index < count; index += 1) expect((await iterator.next()).done).toBe(false);
  return iterator;
}
