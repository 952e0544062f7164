import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { currentLoad, mem } from 'systeminformation';
import { diskBusy, parseDiskTime } from './disk-time.ts';
import { resources, type LoadSample } from './load.ts';
import { hostPressure, pressureFiles, stalledBetween, type HostPressure } from './pressure.ts';
import {
  parseStat,
  residentBytesOf,
  ticksOf,
  ticksPerSecond,
  treeOf,
  type ProcessTimes,
} from './process-tree.ts';
import { parseTraffic, throughputBetween, type TrafficCounters } from './throughput.ts';

export interface HostOptions {
  /** Where the host's /proc is found: elsewhere in a container. */
  readonly proc: string;
  /** This process, whose own work and that of its children does not count. */
  readonly pid: number;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
}

export type HostLoad = Omit<LoadSample, 'at'>;

/** The averages of the kernel reach so far back: what Lowtide has done itself is in them for as long. */
const averagedMs = 60_000;

/**
 * Measures this host from one call to the next. What Lowtide itself and its children take of the processors is taken out,
 * and of memory what they have come to hold since the last moment without a run: a backup every night must not teach that
 * nights are busy, while what the service always holds is nobody else's to have. The disks' share, the throughput and the pressure cannot be
 * told apart by process; while Lowtide itself is at work they are unknown. No program is started: this happens every few
 * seconds, and what `systeminformation` knows of disks and networks it learns by starting some.
 */
export class HostMeter {
  readonly #options: HostOptions;
  #before: Look | undefined;
  #workedAt = -Infinity;
  #idleBytes: number | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** The load since the last call; the first one has nothing to compare with. `working`: runs are going on. */
  async measure(working: boolean): Promise<HostLoad | undefined> {
    const [cpu, memory, look] = await Promise.all([currentLoad(), mem(), this.#look()]);
    const before = this.#before;
    this.#before = look;
    if (working) this.#workedAt = look.at;
    else this.#idleBytes = look.ownBytes;
    this.#idleBytes ??= look.ownBytes;
    const ownBytes = Math.max(0, look.ownBytes - this.#idleBytes);
    if (before === undefined) return undefined;
    const elapsedMs = look.at - before.at;
    const ownSeconds = Math.max(0, look.ownTicks - before.ownTicks) / ticksPerSecond;
    const ownShare = ownSeconds / ((elapsedMs / 1000) * availableParallelism());
    const pressure = look.at - this.#workedAt > averagedMs ? look.pressure : undefined;
    return {
      cpu: share(cpu.currentLoad / 100 - ownShare),
      memory: share(1 - (memory.available + ownBytes) / memory.total),
      disk: working ? NaN : diskBusy(before.diskMs, look.diskMs, elapsedMs),
      ...(!working && { throughput: throughputBetween(before.traffic, look.traffic, elapsedMs) }),
      ...(pressure !== undefined && {
        pressure,
        stalled: stalledBetween(before.pressure, pressure, elapsedMs),
      }),
    };
  }

  async #look(): Promise<Look> {
    const { proc, pid, elapsed } = this.#options;
    const read = (path: string): Promise<string> => readFile(`${proc}/${path}`, 'utf8').catch(() => '');
    const [diskstats, netDev, processes, ...pressures] = await Promise.all([
      read('diskstats'),
      // Of the first process: a container that is given the host's /proc is in another network itself.
      read('1/net/dev').then((text) => (text === '' ? read('net/dev') : text)),
      readProcesses(),
      ...resources.map((resource) => read(`pressure/${pressureFiles[resource]}`)),
    ]);
    const [cpu = '', memory = '', disk = ''] = pressures;
    const own = treeOf(pid, processes);
    return {
      at: elapsed(),
      diskMs: parseDiskTime(diskstats),
      traffic: parseTraffic(diskstats, netDev),
      ownTicks: ticksOf(own),
      ownBytes: await residentBytesOf(own),
      pressure: hostPressure({ cpu, memory, disk }),
    };
  }
}

interface Look {
  readonly at: number;
  readonly diskMs: ReadonlyMap<string, number>;
  readonly traffic: TrafficCounters;
  readonly ownTicks: number;
  readonly ownBytes: number;
  readonly pressure: HostPressure | undefined;
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
