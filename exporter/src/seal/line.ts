import type { KeyObject } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { LowtideError } from '../errors/lowtide-error.ts';
import { stopReason } from './cancelled.ts';
import { LineControl, window } from './control.ts';
import type { SealPool } from './pool.ts';
import type { Batch, StationReport, StationTask } from './station.ts';
import { sealedBatchBytes, type ChunkPosition } from './stream.ts';

/** What both ends of a line have seen, and how long its threads worked. */
export interface LineReport {
  readonly inputBytes: number;
  readonly inputSha256: string;
  readonly outputBytes: number;
  readonly outputSha256: string;
  readonly seconds: number;
}

export interface LineOptions {
  readonly work: StationTask['work'];
  readonly key: KeyObject;
  readonly nonce: Uint8Array;
  /** Where to read from; without it, `send` brings the input. */
  readonly fd?: number;
  readonly signal: AbortSignal;
}

/** The main thread's end of one or two stations in a row (see station.ts): takes batches out, and may put batches in. */
export class Line {
  /** Resolves once no thread works on this line any more, whatever has become of it. */
  readonly ended: Promise<void>;
  readonly #control = new LineControl();
  readonly #output: MessagePort;
  readonly #input: MessagePort | undefined;
  readonly #reports: Promise<readonly (StationReport | undefined)[]>;
  readonly #done: Batch[] = [];
  readonly #spares: ArrayBuffer[] = [];
  #waiting: PromiseWithResolvers<Batch> | undefined;
  #failure: LowtideError | undefined;
  #sent = 0;
  #taken = 0;

  constructor(pool: SealPool, { work, key, nonce, fd, signal }: LineOptions) {
    const input = openInput(fd);
    const { port1, port2: output } = new MessageChannel();
    this.#input = input.ours;
    this.#output = port1;
    const common = { work, key, nonce, cells: this.#control.cells };
    const tasks: StationTask[] = [];
    if (pool.threads === 1) {
      tasks.push({ ...common, place: 'only', input: input.theirs, output });
    } else {
      const between = new MessageChannel();
      tasks.push({ ...common, place: 'first', input: input.theirs, output: between.port1 });
      tasks.push({ ...common, place: 'second', input: between.port2, output });
    }
    const runs = tasks.map((task) => pool.run(task));
    for (const run of runs) run.catch((thrown: unknown) => this.fail(LowtideError.from(thrown)));
    this.#reports = Promise.all(runs);
    this.#reports.catch(() => undefined);

    this.#output.on('message', (batch: Batch) => this.#receive(batch));
    this.#input?.on('message', (spent: ArrayBuffer) => this.#spares.push(spent));
    const stops = [signal, pool.closing].map((cause) => {
      const stop = (): void => this.fail(stopReason(cause));
      cause.addEventListener('abort', stop);
      if (cause.aborted) stop();
      return () => cause.removeEventListener('abort', stop);
    });
    this.ended = Promise.allSettled(runs).then(() => {
      for (const release of stops) release();
    });
  }

  /** Whether another batch may be sent without too much being under way. */
  get hasRoom(): boolean {
    return this.#sent - this.#taken < window;
  }

  /** Whether `take` would give a batch at once. */
  get hasDone(): boolean {
    return this.#done.length > 0;
  }

  /** A buffer for the next batch of sealed chunks. */
  emptyBuffer(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#spares.pop() ?? Buffer.allocUnsafeSlow(sealedBatchBytes).buffer);
  }

  /** The bytes' buffer goes over to the line. */
  send(bytes: Uint8Array<ArrayBuffer>, position: ChunkPosition): void {
    this.#sent += 1;
    const batch: Batch = { ...position, bytes, ciphered: false };
    this.#input?.postMessage(batch, [bytes.buffer]);
  }

  /** The next batch, in order. Rejects when the line has failed. One caller at a time. */
  async take(): Promise<Batch> {
    const batch = this.#done.shift() ?? (await this.#nextBatch());
    this.#taken += 1;
    this.#control.countTaken();
    return batch;
  }

  /** For after the last batch. */
  async report(): Promise<LineReport> {
    const reports = await this.#reports;
    const first = reports[0];
    const last = reports.at(-1);
    if (first?.inputSha256 === undefined || last?.outputSha256 === undefined) {
      throw this.#failure ?? new LowtideError('internal', 'a sealing thread has stopped without a reason');
    }
    return {
      inputBytes: first.inputBytes,
      inputSha256: first.inputSha256,
      outputBytes: last.outputBytes,
      outputSha256: last.outputSha256,
      seconds: reports.reduce((sum, report) => sum + (report?.seconds ?? 0), 0),
    };
  }

  /** Stops the threads; batches not yet taken are dropped. Without effect once the line has ended. */
  fail(error: LowtideError): void {
    this.#failure ??= error;
    this.#done.length = 0;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    this.#control.stop();
    this.#closePorts();
  }

  #receive(batch: Batch): void {
    // A port that was closed may still deliver what was on its way.
    if (this.#failure !== undefined) return;
    if (this.#waiting === undefined) this.#done.push(batch);
    else this.#waiting.resolve(batch);
    this.#waiting = undefined;
  }

  async #nextBatch(): Promise<Batch> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#waiting = Promise.withResolvers();
    return await this.#waiting.promise;
  }

  #closePorts(): void {
    this.#input?.close();
    this.#output.close();
  }
}

/** Both ends of a line's input: ours is missing where the first station reads by itself. */
function openInput(fd: number | undefined): {
  readonly theirs: StationTask['input'];
  readonly ours: MessagePort | undefined;
} {
  if (fd !== undefined) return { theirs: fd, ours: undefined };
  const { port1, port2 } = new MessageChannel();
  return { theirs: port2, ours: port1 };
}
