import { readFile } from 'node:fs/promises';

/** Linux counts processor time in hundredths of a second, whatever its own clock does. */
export const ticksPerSecond = 100;

/** One process as /proc/PID/stat tells it: who started it, and the processor time it and its ended children took. */
export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks: its own, and those of children that it has waited for. */
  readonly ticks: number;
}

/** Reads /proc/PID/stat; undefined where the text is none. Source: proc_pid_stat(5). */
export function parseStat(text: string): ProcessTimes | undefined {
  // The name stands in brackets, and may hold brackets and spaces itself.
  const end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(end + 2).split(' ');
  const [utime, stime, cutime, cstime] = [11, 12, 13, 14].map((index) => Number(fields[index]));
  const ticks = (utime ?? NaN) + (stime ?? NaN) + (cutime ?? NaN) + (cstime ?? NaN);
  const parent = Number(fields[1]);
  return end > 0 && Number.isFinite(ticks + parent + pid) ? { pid, parent, ticks } : undefined;
}

/** A process and everything below it; nothing where the process itself is not among them. */
export function treeOf(root: number, processes: readonly ProcessTimes[]): readonly ProcessTimes[] {
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const tree = processes.filter(({ pid }) => pid === root);
  // It grows while it is gone through: parents need not come before their children.
  for (const { pid } of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** What processes have taken, in clock ticks. */
export function ticksOf(processes: readonly ProcessTimes[]): number {
  return processes.reduce((sum, { ticks }) => sum + ticks, 0);
}

/** What processes hold in memory; those that have ended meanwhile, nothing. Source: proc_pid_status(5). */
export async function residentBytesOf(processes: readonly ProcessTimes[]): Promise<number> {
  const each = await Promise.all(
    processes.map(async ({ pid }) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    }),
  );
  return each.reduce((sum, bytes) => sum + bytes, 0);
}
