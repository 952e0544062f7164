import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { HostCounters, HostGauge, HostStrain } from './load.ts';
import { hostPressure, pressureFiles, stalledBetween, type HostPressure } from './pressure.ts';
import { parseStat, type ProcessTimes } from './process-tree.ts';
import { parseProcessorTime } from './processor-time.ts';
import type { HostOptions } from './host.ts';

/**
 * Watches the host beside a run. It reads a handful of files of /proc, those of Lowtide's own processes alone, and without
 * threads: that takes less than a millisecond.
 */
export function hostGauge({ proc, pid, elapsed }: HostOptions): HostGauge {
  // Without its children's time Lowtide would take its own load for that of others.
  const knowsFamily = existsSync(`/proc/${pid}/task/${pid}/children`);
  return {
    read() {
      const processors = knowsFamily ? parseProcessorTime(textOf(`${proc}/stat`)) : undefined;
      const pressure = presentPressure(proc);
      return {
        at: elapsed(),
        ...(processors !== undefined && { processors }),
        ownTicks: familyOf(pid).reduce((sum, { ticks }) => sum + ticks, 0),
        ...(pressure !== undefined && { pressure }),
      };
    },
    between(from, to) {
      return {
        ...processorShares(from, to),
        pressure: stalledBetween(from.pressure, to.pressure, to.at - from.at),
      };
    },
  };
}

function processorShares(from: HostCounters, to: HostCounters): Pick<HostStrain, 'cpu' | 'allCpu'> {
  const all = (to.processors?.all ?? NaN) - (from.processors?.all ?? NaN);
  const busy = (to.processors?.busy ?? NaN) - (from.processors?.busy ?? NaN);
  const own = Math.max(0, to.ownTicks - from.ownTicks);
  const share = (ticks: number): number => (all > 0 ? Math.min(1, Math.max(0, ticks / all)) : NaN);
  return { cpu: share(busy - own), allCpu: share(busy) };
}

/** As the kernel tells it at this moment, with what Lowtide itself has part in; undefined where it does not. */
export function presentPressure(proc: string): HostPressure | undefined {
  const read = (file: string): string => textOf(`${proc}/pressure/${file}`);
  const { cpu, memory, disk } = pressureFiles;
  return hostPressure({ cpu: read(cpu), memory: read(memory), disk: read(disk) });
}

/** A process and all below it, of this process's own namespace. Children are listed by the thread that has started them. */
function familyOf(pid: number): readonly ProcessTimes[] {
  const own = parseStat(textOf(`/proc/${pid}/stat`));
  if (own === undefined) return [];
  const children = threadsOf(pid).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
  return [own, ...children.flatMap(familyOf)];
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty where there is no such file: processes end between two looks, and not every kernel tells everything. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
