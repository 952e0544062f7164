import { closeSync, openSync } from 'node:fs';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd } from '../process/child.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import type { Crew } from '../process/crew.ts';
import { Pipe } from '../process/pipe.ts';
import type { SealPool } from '../seal/pool.ts';
import { seal, type SealSummary } from '../seal/seal.ts';
import type { DumpPart } from '../source/source.ts';
import type { Compressing, Compression } from './compression.ts';

/**
 * One part of a dump on its way into the stores:
 *
 *     dump program ──pipe──▶ zstd ──pipe──▶ sealing threads ──▶ body
 *
 * The kernel joins the programs; this process sees sealed bytes alone. The body ends well only after every program has
 * ended well, so that whoever gives a name to what came out of it gives it to a whole dump.
 */
export interface PartStream extends AsyncDisposable {
  /** Sealed bytes, to be iterated once. Throws where the dump turns out not to be whole. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Resolves after the body's end; rejects with what the body has thrown. */
  readonly facts: Promise<PartFacts>;
}

export interface PartFacts extends SealSummary {
  /** What the source produced, before compression. */
  readonly rawBytes: number;
  readonly warnings: readonly string[];
}

export interface PartStreamOptions {
  /** For messages: what is dumped. */
  readonly label: string;
  readonly compression: Compression;
  /** The programs are started in it. */
  readonly crew: Crew;
  readonly pool: SealPool;
  readonly recipients: readonly string[];
  /** For the pipes, which exist there for a moment. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** Starts the programs. Disposing ends them, and gives up what has not come out yet. */
export async function openPartStream(part: DumpPart, options: PartStreamOptions): Promise<PartStream> {
  const given = new AbortController();
  const signal = AbortSignal.any([options.signal, given.signal]);
  const dumping =
    'command' in part.input
      ? await startDump(part.input.command, options, signal)
      : await startCopy(part.input.file, options);
  const sealing = seal(dumping.sealed.takeRead(), options.recipients, { pool: options.pool, signal });
  const facts = Promise.withResolvers<PartFacts>();
  facts.promise.catch(() => undefined);

  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      yield* sealing;
      const { rawBytes, warnings } = await outcome(part, dumping, options);
      facts.resolve({ ...(await sealing.summary), rawBytes, warnings });
    } catch (thrown) {
      // A stop shows as a program that was killed, or a pipe that broke; what was meant stands in the signal.
      const cause: unknown = options.signal.aborted ? options.signal.reason : thrown;
      facts.reject(cause);
      throw cause;
    }
  }

  return {
    body: body(),
    facts: facts.promise,
    async [Symbol.asyncDispose]() {
      given.abort(new LowtideError('cancelled', 'the dump is no longer wanted'));
      dumping.compressing.stop();
      await Promise.allSettled([dumping.dumpEnd, dumping.compressing.rawBytes]);
      facts.reject(given.signal.reason);
    },
  };
}

interface Dumping {
  readonly sealed: Pipe;
  readonly compressing: Compressing;
  /** Absent where a file is copied: nothing can fail that zstd would not notice. */
  readonly dumpEnd: Promise<ChildEnd> | undefined;
}

async function startDump(
  command: Command,
  { scratch, compression, crew }: PartStreamOptions,
  signal: AbortSignal,
): Promise<Dumping> {
  const [raw, sealed] = await Pipe.open(scratch, 2);
  if (raw === undefined || sealed === undefined) throw new TypeError('two pipes were asked for');
  const dump = crew.start(command, { stdout: raw.writeFd, signal });
  raw.closeWrite();
  return { sealed, compressing: compression.start({ pipe: raw }, sealed, crew), dumpEnd: dump.end };
}

async function startCopy(file: string, { scratch, compression, crew }: PartStreamOptions): Promise<Dumping> {
  const [sealed] = await Pipe.open(scratch, 1);
  if (sealed === undefined) throw new TypeError('a pipe was asked for');
  const fd = openSync(file, 'r');
  const compressing = compression.start({ fd }, sealed, crew);
  void Promise.allSettled([compressing.rawBytes]).then(() => closeSync(fd));
  return { sealed, compressing, dumpEnd: undefined };
}

/** Whether the programs have done their work; throws where not. */
async function outcome(
  part: DumpPart,
  { dumpEnd, compressing }: Dumping,
  { label }: PartStreamOptions,
): Promise<{ readonly rawBytes: number; readonly warnings: readonly string[] }> {
  // zstd first: where it dies the dump loses its pipe, and would be blamed for that.
  const rawBytes = await compressing.rawBytes;
  const end = await dumpEnd;
  const warnings = end === undefined ? [] : (part.judge ?? judgeByExitCode)(end);
  if (rawBytes === 0) {
    throw new LowtideError('source_empty', `${label} gave nothing to back up (${part.role} part)`, {
      hint: 'A dump of nothing is most often a mistake: check what the source names.',
    });
  }
  return { rawBytes, warnings };
}

function judgeByExitCode(end: ChildEnd): readonly string[] {
  if (end.exitCode === 0) return [];
  throw new LowtideError('source_failed', describeEnd(end));
}
