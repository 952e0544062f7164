import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LowtideError } from '../errors/lowtide-error.ts';
import { stopReason } from '../seal/cancelled.ts';
import { sealedBatchBytes, type ChunkFault } from '../seal/stream.ts';
import type { Rewriting } from '../store/resealing.ts';
import {
  batchesOf,
  batchesWritten,
  newCells,
  newSlots,
  stopJob,
  type PayloadHashes,
  type PayloadPlace,
  type ReencryptJob,
} from './reencrypt-job.ts';
import type { WorkerEnd } from './reencrypt-worker.ts';

/** Writing back in the background, beside the work instead of after it. */
const flushEveryMs = 60;
/** Beside this file, compiled or not: the build rewrites imports, but not URLs. */
const workerUrl = new URL(`./reencrypt-worker${extname(import.meta.url)}`, import.meta.url);

export interface PayloadWork {
  readonly source: PayloadPlace;
  readonly target: PayloadPlace;
  readonly payloadBytes: number;
  readonly rewriting: Pick<Rewriting, 'flush'>;
  readonly signal: AbortSignal;
  /** Bytes of this payload so far. */
  readonly onProgress?: (bytes: number) => Promise<void>;
}

export type PayloadOutcome = { readonly hashes: PayloadHashes } | { readonly fault: ChunkFault };

/** The threads of one rotation, for one payload after the other. */
export class ReencryptThreads implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly #slots = newSlots();
  readonly #bytesPerSecond: number | undefined;
  /** Until when the limit holds back the next payload, in milliseconds of `performance.now`. */
  #paidUntil = 0;

  /** `threads` encrypt, one more hashes; `bytesPerSecond` is what they may use of the disk at most. */
  constructor({ threads, bytesPerSecond }: { readonly threads: number; readonly bytesPerSecond?: number }) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#workers = Array.from({ length: threads + 1 }, () => {
      const worker = new Worker(workerUrl, { name: 'lowtide-reencrypt', execArgv: [] });
      worker.unref();
      return worker;
    });
  }

  /** Throws the signal's reason, and what the disk said; damage is an answer. */
  async run({ signal, rewriting, onProgress, ...work }: PayloadWork): Promise<PayloadOutcome> {
    signal.throwIfAborted();
    await this.#awaitTurn(work.payloadBytes, signal);
    const shared = newCells(batchesOf(work.payloadBytes));
    const batchMs = this.#bytesPerSecond === undefined ? 0 : (sealedBatchBytes / this.#bytesPerSecond) * 1000;
    const stop = (): void => stopJob(shared.cells);
    signal.addEventListener('abort', stop);
    const over = new AbortController();
    const flushing = flushWhile(over.signal, rewriting, async () =>
      onProgress?.(Math.min(work.payloadBytes, batchesWritten(shared.cells) * sealedBatchBytes)),
    );
    flushing.catch(stop);
    try {
      const ends = await Promise.all(
        this.#workers.map((worker, index) =>
          runOn(worker, {
            ...work,
            ...shared,
            slots: this.#slots,
            batchMs,
            role: index === 0 ? 'hash' : 'encrypt',
          }),
        ),
      );
      over.abort();
      // A failed flush may be reported once only: it must not be lost.
      await flushing;
      if (signal.aborted) throw stopReason(signal);
      return outcomeOf(ends);
    } finally {
      over.abort();
      signal.removeEventListener('abort', stop);
      await flushing.catch(() => undefined);
    }
  }

  /** Within a payload its batches keep to the limit; many small ones, of a batch each, would not. */
  async #awaitTurn(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    const now = performance.now();
    const begin = Math.max(now, this.#paidUntil);
    this.#paidUntil = begin + (bytes / this.#bytesPerSecond) * 1000;
    if (begin > now) await delay(begin - now, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function runOn(worker: Worker, job: ReencryptJob): Promise<WorkerEnd> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(worker, 'message', { signal });
  const died = once(worker, 'exit', { signal });
  died.catch(() => undefined);
  worker.ref();
  try {
    worker.postMessage(job);
    const [end] = (await Promise.race([ended, died])) as [WorkerEnd | number];
    if (typeof end !== 'number') return end;
    throw new LowtideError('internal', `a thread of the re-encryption died with exit code ${end}`);
  } catch (thrown) {
    stopJob(job.cells);
    throw thrown;
  } finally {
    over.abort();
    ended.catch(() => undefined);
    worker.unref();
  }
}

async function flushWhile(
  signal: AbortSignal,
  rewriting: Pick<Rewriting, 'flush'>,
  after: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await delay(flushEveryMs, undefined, { signal }).catch(() => undefined);
    await rewriting.flush();
    await after();
  }
}

function outcomeOf(ends: readonly WorkerEnd[]): PayloadOutcome {
  for (const end of ends) {
    if (end.status === 'failed') throw Object.assign(new Error(end.message), end.code && { code: end.code });
  }
  for (const end of ends) if (end.status === 'fault') return { fault: end.fault };
  const hashes = ends.map((end) => (end.status === 'done' ? end.hashes : undefined)).find((each) => each);
  if (hashes === undefined)
    throw new LowtideError('internal', 'the re-encryption has stopped without a reason');
  return { hashes };
}
