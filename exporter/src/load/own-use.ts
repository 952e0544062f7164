import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../clock/clock.ts';
import { parseStat, ticksOfTree, ticksPerSecond } from './process-tree.ts';
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
    const own = new Set([pid]);
    // Parents need not come before their children: a process that was started late may bear a low number.
    for (let known = 0; known < own.size;) {
      known = own.size;
      for (const { pid: child, parent } of processes) if (own.has(parent)) own.add(child);
    }
    if (!processes.some((process) => process.pid === pid)) return undefined;
    const resident = await Promise.all([...own].map(residentBytes));
    return {
      atMs,
      cpuSeconds: ticksOfTree(pid, processes) / ticksPerSecond,
      residentBytes: resident.reduce((sum, bytes) => sum + bytes, 0),
    };
  }
}

/** Of one process; 0 where it has ended. Source: proc_pid_status(5). */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}
