import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../clock/clock.ts';
import { parseStat, residentBytesOf, ticksOf, ticksPerSecond, treeOf } from './process-tree.ts';
import { UseLedger, type HostSize, type OwnLook, type OwnUse } from './use-ledger.ts';

export interface OwnUseOptions {
  readonly host: HostSize;
  /** This process: what it and its children take is Lowtide's. */
  readonly pid: number;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
}

/** A run whose use is measured. */
export interface MeasuredRun {
  /** Undefined where this system does not tell (there is no /proc), or the run was over at once. */
  end(): Promise<OwnUse | undefined>;
}

/** Memory is looked at soon after the beginning, for short runs, and then less often. */
const firstLookMs = 500;
const longestPauseMs = 15_000;

/** Measures what runs take of the host, while they go on. */
export class OwnUseMeter {
  readonly #options: OwnUseOptions;
  readonly #ledger: UseLedger;
  readonly #going = new Set<object>();

  constructor(options: OwnUseOptions) {
    this.#options = options;
    this.#ledger = new UseLedger(options.host);
  }

  async begin(): Promise<MeasuredRun> {
    const run = {};
    const began = await this.#look();
    if (began === undefined) return { end: () => Promise.resolve(undefined) };
    this.#ledger.begin(run, began);
    this.#going.add(run);
    const over = new AbortController();
    void this.#watch(over.signal);
    return {
      end: async () => {
        over.abort();
        this.#going.delete(run);
        const look = await this.#look();
        return look && this.#ledger.end(run, look);
      },
    };
  }

  async #watch(over: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const isOver = (): boolean => over.aborted;
    for (let pauseMs = firstLookMs; !isOver(); pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      await clock.wakeAt(clock.now() + pauseMs, over).catch(() => undefined);
      const look = isOver() ? undefined : await this.#look();
      if (look !== undefined && this.#going.size > 0) this.#ledger.add(look);
    }
  }

  async #look(): Promise<OwnLook | undefined> {
    const { pid, elapsed } = this.#options;
    const atMs = elapsed();
    const names = await readdir('/proc').catch(() => []);
    const texts = await Promise.all(
      names
        .filter((name) => /^\d+$/.test(name))
        .map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
    );
    const processes = texts.flatMap((text) => parseStat(text) ?? []);
    const own = treeOf(pid, processes);
    if (own.length === 0) return undefined;
    return {
      atMs,
      cpuSeconds: ticksOf(own) / ticksPerSecond,
      residentBytes: await residentBytesOf(own),
    };
  }
}
