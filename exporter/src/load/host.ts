import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { currentLoad, mem } from 'systeminformation';
import { diskBusy, parseDiskTime } from './disk-time.ts';
import type { LoadSample } from './load.ts';
import { parsePressure, type Pressure } from './pressure.ts';
import { parseStat, ticksOfTree, type ProcessTimes } from './process-tree.ts';

/** Linux counts processor time in hundredths of a second, whatever its own clock does. */
const ticksPerSecond = 100;

export interface HostOptions {
  /** Where the host's /proc is found: elsewhere in a container. */
  readonly proc: string;
  /** This process, whose own work and that of its children does not count. */
  readonly pid: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
}

export type HostLoad = Omit<LoadSample, 'at'>;

/**
 * Measures this host from one call to the next. What Lowtide itself and its children take of the processors is taken out:
 * a backup every night must not teach that nights are busy. The disks' share cannot be told apart by process; while
 * Lowtide itself is at work on them it is unknown.
 */
export class HostMeter {
  readonly #options: HostOptions;
  #before: Look | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** The load since the last call; the first one has nothing to compare with. `working`: runs are going on. */
  async measure(working: boolean): Promise<HostLoad | undefined> {
    const [cpu, memory, look] = await Promise.all([currentLoad(), mem(), this.#look()]);
    const before = this.#before;
    this.#before = look;
    if (before === undefined) return undefined;
    const elapsedMs = look.at - before.at;
    const ownSeconds = Math.max(0, look.ownTicks - before.ownTicks) / ticksPerSecond;
    const ownShare = ownSeconds / ((elapsedMs / 1000) * availableParallelism());
    return {
      cpu: share(cpu.currentLoad / 100 - ownShare),
      memory: share(1 - memory.available / memory.total),
      disk: working ? NaN : diskBusy(before.diskMs, look.diskMs, elapsedMs),
    };
  }

  /** How much work is waiting now, by resource; undefined where the kernel does not tell. */
  async pressure(resource: 'cpu' | 'memory' | 'io'): Promise<Pressure | undefined> {
    const text = await readFile(`${this.#options.proc}/pressure/${resource}`, 'utf8').catch(() => '');
    return parsePressure(text);
  }

  async #look(): Promise<Look> {
    const { proc, pid, elapsed } = this.#options;
    const diskstats = await readFile(`${proc}/diskstats`, 'utf8').catch(() => '');
    const processes = await readProcesses();
    return { at: elapsed(), diskMs: parseDiskTime(diskstats), ownTicks: ticksOfTree(pid, processes) };
  }
}

interface Look {
  readonly at: number;
  readonly diskMs: ReadonlyMap<string, number>;
  readonly ownTicks: number;
}

/** Of this process's own namespace: its children are there, whatever else is not. */
async function readProcesses(): Promise<readonly ProcessTimes[]> {
  const names = await readdir('/proc').catch(() => []);
  const stats = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      // Processes end between the two looks.
      .map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  );
  return stats.flatMap((text) => parseStat(text) ?? []);
}

function share(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : NaN;
}
