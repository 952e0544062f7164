/**
 * The processor time of a host since its boot, in ticks, from the first line of /proc/stat: user, nice, system, idle, iowait,
 * irq, softirq, steal (guests are counted in user and nice). Waiting for a disk is idle time. Undefined for a text that is
 * none. Source: proc_stat(5).
 */
export function parseProcessorTime(
  text: string,
): { readonly busy: number; readonly all: number } | undefined {
  const match = /^cpu +(\d+(?: \d+){4,7})/.exec(text);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, ...rest] = (match?.[1] ?? '')
    .split(' ')
    .map(Number);
  if (match === null) return undefined;
  const busy = user + nice + system + rest.reduce((sum, ticks) => sum + ticks, 0);
  return { busy, all: busy + idle + iowait };
}
