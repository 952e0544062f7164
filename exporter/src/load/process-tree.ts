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

/** What a process and everything below it have taken, in clock ticks. */
export function ticksOfTree(root: number, processes: readonly ProcessTimes[]): number {
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const own = processes.find(({ pid }) => pid === root)?.ticks ?? 0;
  const below = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + child.ticks + below(child.pid), 0);
  return own + below(root);
}
