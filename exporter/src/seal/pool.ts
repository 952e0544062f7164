import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { StationReport, StationTask } from './station.ts';
import type { TaskEnd, TaskFailure } from './worker.ts';

/**
 * The threads that seal and open. A thread that seals is blocked while its pipe is empty, so nothing may ever wait for it: a task that
 * finds no idle thread gets a new one, and only as many as asked for are kept once they are idle. Two parts that are
 * piped at once therefore cannot wait for each other.
 */
export interface SealPool extends AsyncDisposable {
  /** How many threads a file is spread over (one or two are of use), and how many are kept when idle. */
  readonly threads: number;
  /** Aborts when the pool closes, and every file with it. */
  readonly closing: AbortSignal;
  /**
   * Runs one station on a thread of its own; the ports go over to it. Resolves to undefined when it was stopped.
   * Rejects when the station failed, or its thread died under it.
   */
  run(task: StationTask): Promise<StationReport | undefined>;
}

/** `await using` it, or dispose of it at the end: disposal gives up what is running and waits for its threads. */
export function createSealPool({ threads }: { readonly threads: number }): SealPool {
  return new ThreadPool(Math.max(1, threads));
}

/** Beside this file, compiled or not: the build rewrites imports, but not URLs. */
const workerUrl = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

class ThreadPool implements SealPool {
  readonly threads: number;
  readonly #idle: Thread[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #close = new AbortController();

  constructor(threads: number) {
    this.threads = threads;
  }

  get closing(): AbortSignal {
    return this.#close.signal;
  }

  async run(task: StationTask): Promise<StationReport | undefined> {
    this.closing.throwIfAborted();
    const thread = this.#takeIdle() ?? new Thread();
    const run = thread.run(task).finally(() => this.#putBack(thread));
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close.abort(new LowtideError('cancelled', 'the sealing threads are being stopped'));
    await Promise.allSettled(this.#running);
    await Promise.all(this.#idle.splice(0).map((thread) => thread.end()));
  }

  #takeIdle(): Thread | undefined {
    for (;;) {
      const thread = this.#idle.pop();
      if (thread?.dead !== true) return thread;
    }
  }

  async #putBack(thread: Thread): Promise<void> {
    if (thread.dead) return;
    if (this.#idle.length < this.threads && !this.closing.aborted) this.#idle.push(thread);
    else await thread.end();
  }
}

class Thread {
  // Without the flags this process was started with: not all are for threads (`--input-type` would end them).
  readonly #worker = new Worker(workerUrl, { name: 'lowtide-seal', execArgv: [] });
  #exited = false;
  #settle: ((end: TaskEnd | Error) => void) | undefined;

  constructor() {
    this.#worker.on('message', (end: TaskEnd) => this.#settle?.(end));
    this.#worker.on('error', (error) => this.#settle?.(new Error(String(error))));
    this.#worker.on('exit', (code) => {
      this.#exited = true;
      this.#settle?.(new Error(`its exit code was ${code}`));
    });
    // An idle thread is no reason to stay alive.
    this.#worker.unref();
  }

  get dead(): boolean {
    return this.#exited;
  }

  async run(task: StationTask): Promise<StationReport | undefined> {
    const ended = Promise.withResolvers<TaskEnd | Error>();
    this.#settle = ended.resolve;
    this.#worker.ref();
    const { input, output } = task;
    this.#worker.postMessage(task, typeof input === 'number' ? [output] : [input, output]);
    const end = await ended.promise;
    this.#settle = undefined;
    this.#worker.unref();
    if (end instanceof Error) {
      await this.end();
      throw new LowtideError('internal', `a sealing thread died: ${end.message}`, { cause: end });
    }
    if ('report' in end) return end.report;
    throw taskFailure(end.failure);
  }

  async end(): Promise<void> {
    this.#exited = true;
    await this.#worker.terminate();
  }
}

function taskFailure({ message, reading }: TaskFailure): LowtideError {
  if (!reading) return new LowtideError('internal', `sealing failed: ${message}`);
  return new LowtideError('source_unreadable', `what is to be sealed cannot be read: ${message}`);
}
