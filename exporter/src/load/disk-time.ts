/**
 * How long the disks of a host were busy, from /proc/diskstats: milliseconds since the boot in which requests were under
 * way, by disk. Partitions and what lies on top of disks (device mapper, loops, RAM disks) are left out, for they are
 * busy when their disks are. Source: https://docs.kernel.org/admin-guide/iostats.html, field 10.
 */
export function parseDiskTime(text: string): ReadonlyMap<string, number> {
  const busyMs = new Map<string, number>();
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const name = fields[2];
    const ms = Number(fields[12]);
    if (name !== undefined && wholeDisk.test(name) && Number.isFinite(ms)) busyMs.set(name, ms);
  }
  return busyMs;
}

/** sda, vdb, xvda; nvme0n1, mmcblk0. */
export const wholeDisk = /^((sd|hd|vd|xvd)[a-z]+|(nvme\d+n\d+|mmcblk\d+))$/;

/** The counter is one of 32 bits in older kernels. */
const counterSize = 2 ** 32;

/** Share of the time between two looks in which the busiest disk was busy, 0 to 1; NaN where no disk was seen twice. */
export function diskBusy(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  elapsedMs: number,
): number {
  let busiest = NaN;
  for (const [name, ms] of after) {
    const earlier = before.get(name);
    if (earlier === undefined || elapsedMs <= 0) continue;
    const busyMs = ms >= earlier ? ms - earlier : ms + counterSize - earlier;
    const share = Math.min(1, busyMs / elapsedMs);
    busiest = Number.isNaN(busiest) ? share : Math.max(busiest, share);
  }
  return busiest;
}
