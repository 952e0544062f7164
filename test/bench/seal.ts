import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { seal } from '../../exporter/src/seal/seal.ts';
import { unseal } from '../../exporter/src/seal/unseal.ts';

/**
 * Sealing and opening with two threads, against the `age` binary, which hashes nothing, and against age with the two SHA-256
 * that our summary holds (`openssl`, joined by the shell). Rounds alternate, and wait for a quiet machine as far as there is
 * one; files lie warm in the page cache, output goes to /dev/null. `node test/bench/seal.ts [MEBIBYTES] [ROUNDS]`.
 *
 * A hash of each side is the floor: two threads cannot be done before SHA-256 has seen every byte twice.
 */
const mebibytes = Number(process.argv[2] ?? 1024);
const rounds = Number(process.argv[3] ?? 7);
const goal = 0.7;
const waitSeconds = 20;
const signal = new AbortController().signal;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Share of the processors' time in use during the last tenth of a second. */
async function busy(): Promise<number> {
  const total = (): number[] =>
    cpus().reduce(
      ([used = 0, all = 0], { times: { user, nice, sys, irq, idle } }) => [
        used + user + nice + sys + irq,
        all + user + nice + sys + irq + idle,
      ],
      [0, 0],
    );
  const [used = 0, all = 0] = total();
  await setTimeout(100);
  const [usedNow = 0, allNow = 0] = total();
  return (usedNow - used) / (allNow - all);
}

/** Waits for a quiet machine, but no longer than `waitSeconds`; returns how busy it still is. */
async function quiet(): Promise<number> {
  const started = performance.now();
  for (;;) {
    const share = await busy();
    if (share < 0.15 || performance.now() - started > waitSeconds * 1000) return share;
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

/** The same with the hashes: of what age reads, and of what it writes. */
async function runHashed(input: string, args: readonly string[]): Promise<void> {
  const script = 'input=$1; shift; tee >(openssl sha256 >/dev/null) <"$input" | age "$@" | openssl sha256';
  await run('bash', ['-c', script, 'bash', input, ...args]);
}

/** What a consumer has to do at least: take every piece, and hand it to the kernel. */
async function drain(pieces: AsyncIterable<Uint8Array>, fd: number): Promise<void> {
  for await (const piece of pieces) {
    writeSync(fd, piece);
    // As the pipeline does once a store has taken a piece: it spares the garbage collector.
    if (piece.buffer instanceof ArrayBuffer && piece.buffer.byteLength === piece.length)
      piece.buffer.transfer(0);
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-seal-'));
const devNull = openSync('/dev/null', 'w');
try {
  await using pool = createSealPool({ threads: 2 });
  const identity = await generateIdentity('x25519');
  const recipient = await recipientOf(identity);
  const [plainPath, sealedPath, identityPath] = ['plain', 'sealed.age', 'identity'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await writeFile(identityPath, `${identity}\n`, { mode: 0o600 });
  const piece = randomBytes(2 ** 20);
  const content = createHash('sha256');
  const plainFd = openSync(plainPath, 'wx');
  for (let index = 0; index < mebibytes; index += 1) {
    piece.writeUInt32BE(index);
    writeSync(plainFd, piece);
    content.update(piece);
  }
  closeSync(plainFd);
  const plainSha256 = content.digest('hex');
  const sealedFd = openSync(sealedPath, 'wx');
  await drain(seal(openSync(plainPath, 'r'), [recipient], { pool, signal }), sealedFd);
  closeSync(sealedFd);

  const sealOurs = async (): Promise<void> => {
    const sealing = seal(openSync(plainPath, 'r'), [recipient], { pool, signal });
    await drain(sealing, devNull);
    if ((await sealing.summary).plainSha256 !== plainSha256) throw new Error('sealed something else');
  };
  const openOurs = async (): Promise<void> => {
    const source = createReadStream(sealedPath, { highWaterMark: 2 ** 20 });
    const opened = await unseal(source, [identity], { pool, signal });
    await drain(opened, devNull);
    if ((await opened.summary).plainSha256 !== plainSha256) throw new Error('opened something else');
  };
  const sealing = ['-r', recipient];
  const opening = ['-d', '-i', identityPath];
  const work: readonly { readonly name: string; readonly run: () => Promise<void> }[] = [
    { name: 'age seals', run: () => run('age', [...sealing, '-o', '/dev/null', plainPath]) },
    { name: 'age seals, and hashes', run: () => runHashed(plainPath, sealing) },
    { name: 'lowtide seals', run: sealOurs },
    { name: 'age opens', run: () => run('age', [...opening, '-o', '/dev/null', sealedPath]) },
    { name: 'age opens, and hashes', run: () => runHashed(sealedPath, opening) },
    { name: 'lowtide opens', run: openOurs },
  ];
  const times = work.map((): number[] => []);
  const load: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { run: once }] of work.entries()) {
      const share = await quiet();
      const taken = await seconds(once);
      // The first round warms caches and threads.
      if (round < 0) continue;
      times[index]?.push(taken);
      load.push(share);
    }
  }
  const others = Math.round(median(load) * 100);
  console.log(`${mebibytes} MiB, median of ${rounds} rounds; other work took ${others} % of the processors`);
  for (const [index, { name }] of work.entries()) {
    const wall = median(times[index] ?? []);
    const rate = ((mebibytes * 2 ** 20) / wall / 1e6).toFixed(0);
    const [age = NaN, hashing = NaN] = times.slice(index - 2, index).map(median);
    const ratios = `  ${(wall / age).toFixed(2)}x of age (goal ${goal}x), ${(wall / hashing).toFixed(2)}x with hashes`;
    const ours = index % 3 === 2;
    console.log(
      `${name.padEnd(24)}${wall.toFixed(3).padStart(8)} s${rate.padStart(7)} MB/s${ours ? ratios : ''}`,
    );
  }
} finally {
  closeSync(devNull);
  rmSync(folder, { recursive: true });
}
