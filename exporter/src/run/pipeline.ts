import { LowtideError } from '../errors/lowtide-error.ts';
import type { SealPool } from '../seal/pool.ts';
import type { Crew } from '../process/crew.ts';
import type { Dump, DumpPart, Source } from '../source/source.ts';
import { encodeManifest, manifestName, type Manifest, type ManifestPart } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { partName } from './backup-id.ts';
import type { Compression } from './compression.ts';
import { openPartStream, type PartFacts } from './part-stream.ts';
import type { RunLog } from './run-log.ts';
import { tee, type TeeReader } from './tee.ts';

export interface PipelineOptions {
  readonly source: Source;
  /** At least one. */
  readonly stores: readonly Store[];
  readonly recipients: readonly string[];
  readonly compression: Compression;
  readonly pool: SealPool;
  /** A private folder of this run alone. */
  readonly scratch: string;
  readonly objectPrefix: string;
  /** Completes the manifest with what the pipeline does not know; called once all parts are stored. */
  readonly describe: (stored: StoredParts) => Manifest;
  /** As of RunRequest: asked once all parts are stored, before there is a manifest. */
  readonly confirm?: () => Promise<void>;
  /** Its programs are started in it. */
  readonly crew: Crew;
  /** Resolves when the pipeline may go on: while the crew is stopped, what this process does waits as well. */
  readonly turn: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: RunLog;
  /** Sealed bytes so far, all parts together. */
  readonly onProgress?: (sealedBytes: number) => void;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
}

export interface StoredParts {
  readonly parts: readonly [ManifestPart, ...ManifestPart[]];
  readonly tools: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export interface PipelineResult {
  readonly manifest: Manifest;
  readonly encryptionSeconds: number;
  readonly uploads: readonly Upload[];
}

/** How one store fared; what failed has left nothing under a final name there, as far as the store lets go of it. */
export interface Upload {
  readonly store: Store;
  /** Time the store took, without waiting for the source. */
  readonly seconds: number;
  readonly error?: LowtideError;
}

/**
 * Dumps, compresses, seals and stores: each part gets its name once it is whole and durable in the store and every
 * program has ended well, and the manifest comes last. All stores are fed at once; one that fails does not spoil the
 * others. Throws what the source throws, or the first store's error when all have failed; then parts may be left under
 * `objectPrefix`, without a manifest.
 */
export async function runPipeline(options: PipelineOptions): Promise<PipelineResult> {
  const { source, scratch, signal, log } = options;
  const dump = await source.prepare({ scratch, signal });
  log.info([`reads ${source.label}`, ...Object.values(dump.tools)].join(', with '));
  const targets = options.stores.map((store) => new Target(store, options));
  const passage = new Passage(options);
  const stored: { part: ManifestPart; facts: PartFacts }[] = [];
  for (const part of dump.parts) stored.push(await storePart(part, targets, passage, options));
  await options.confirm?.();
  const manifest = options.describe(describeParts(dump, stored, options.compression));
  const encoded = encodeManifest(manifest);
  await eachLive(targets, (target) => target.put(manifestName(manifest), once(encoded)));
  for (const target of targets) target.report();
  return {
    manifest,
    encryptionSeconds: stored.reduce((sum, { facts }) => sum + facts.encryptionSeconds, 0),
    uploads: targets.map((target) => target.upload()),
  };
}

async function storePart(
  part: DumpPart,
  targets: readonly Target[],
  passage: Passage,
  options: PipelineOptions,
): Promise<{ part: ManifestPart; facts: PartFacts }> {
  const name = partName(options.objectPrefix, part);
  await using stream = await openPartStream(part, { ...options, label: options.source.label });
  const live = targets.filter((target) => !target.failed);
  const readers = tee(passage.of(stream.body), live.length);
  let sourceError: { readonly thrown: unknown } | undefined;
  // First in line for the news: whether a put failed by the source or by its store is told by this alone.
  stream.facts.catch((thrown: unknown) => (sourceError = { thrown }));
  await eachLive(targets, async (target) => {
    const reader = readers[live.indexOf(target)];
    if (reader === undefined) throw new TypeError('every live target has a reader');
    try {
      await target.put(name, target.timed(reader));
    } finally {
      await reader.leave();
    }
  }).catch((thrown: unknown) => {
    throw sourceError === undefined ? thrown : sourceError.thrown;
  });
  const facts = await stream.facts;
  options.log.info(
    `its ${part.role} part is sealed: ${formatSize(facts.rawBytes)} read, ${formatSize(facts.headerBytes + facts.payloadBytes)} stored`,
  );
  for (const warning of facts.warnings) options.log.warn(warning);
  return { part: partOf(part, name, facts), facts };
}

function partOf(part: DumpPart, name: string, facts: PartFacts): ManifestPart {
  return {
    role: part.role,
    name,
    format: part.format,
    sizeBytes: facts.rawBytes,
    compressedBytes: facts.plainBytes,
    compressedSha256: facts.plainSha256,
    payloadBytes: facts.payloadBytes,
    payloadSha256: facts.payloadSha256,
    headerBytes: facts.headerBytes,
    headerSha256: facts.headerSha256,
  };
}

function describeParts(
  dump: Dump,
  stored: readonly { readonly part: ManifestPart; readonly facts: PartFacts }[],
  { tool }: Compression,
): StoredParts {
  const [main, ...others] = stored.map(({ part }) => part);
  if (main === undefined) throw new TypeError('a dump has at least one part');
  return {
    parts: [main, ...others],
    tools: { ...dump.tools, [tool.program]: tool.version },
    warnings: stored.flatMap(({ facts }) => facts.warnings),
  };
}

/** Does the work with every target that has not failed; throws when none is left. */
async function eachLive(targets: readonly Target[], work: (target: Target) => Promise<void>): Promise<void> {
  await Promise.all(targets.map((target) => target.attempt(work)));
  const [first] = targets;
  if (first?.error !== undefined && targets.every((target) => target.failed)) throw first.error;
}

/** One store during one run. */
class Target {
  readonly store: Store;
  readonly #signal: AbortSignal;
  readonly #elapsed: () => number;
  readonly #log: RunLog;
  readonly #names: string[] = [];
  #milliseconds = 0;
  error: LowtideError | undefined;

  constructor(store: Store, { signal, elapsed, log }: PipelineOptions) {
    this.store = store;
    this.#signal = signal;
    this.#elapsed = elapsed;
    this.#log = log;
  }

  get failed(): boolean {
    return this.error !== undefined;
  }

  async attempt(work: (target: Target) => Promise<void>): Promise<void> {
    if (this.failed) return;
    try {
      await work(this);
    } catch (thrown) {
      this.error = LowtideError.from(thrown);
      if (!this.#signal.aborted)
        this.#log.warn(`store ${this.store.id} takes no more: ${this.error.message}`);
      // Without a manifest these are no backup; what cannot be deleted now lies there, and nothing takes it for one.
      for (const name of this.#names) await this.store.delete(name).catch(() => undefined);
    }
  }

  async put(name: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    await this.store.put(name, body, { signal: this.#signal });
    this.#names.push(name);
  }

  /** Counts the time between two pieces, when the store is at work, and not the time it waits for the next. */
  async *timed(reader: TeeReader): AsyncGenerator<Uint8Array> {
    for await (const piece of reader) {
      const given = this.#elapsed();
      yield piece;
      this.#milliseconds += this.#elapsed() - given;
    }
  }

  report(): void {
    if (this.failed) return;
    const took = formatDuration(this.#milliseconds);
    this.#log.info(`the copy in store ${this.store.id} is whole; writing it took ${took}`);
  }

  upload(): Upload {
    const seconds = this.#milliseconds / 1000;
    return { store: this.store, seconds, ...(this.error !== undefined && { error: this.error }) };
  }
}

/**
 * Counts what passes, and lets go of each piece as soon as every store has asked for the next. Waiting for the garbage
 * collector instead takes some 60 MiB more, and a tenth of the time: the next piece gets the same memory, warm in the cache.
 */
class Passage {
  readonly #onProgress: PipelineOptions['onProgress'];
  readonly #turn: PipelineOptions['turn'];
  #bytes = 0;

  constructor({ onProgress, turn }: PipelineOptions) {
    this.#onProgress = onProgress;
    this.#turn = turn;
  }

  async *of(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      await this.#turn();
      this.#bytes += piece.length;
      this.#onProgress?.(this.#bytes);
      yield piece;
      const { buffer } = piece;
      if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.length) buffer.transfer(0);
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
