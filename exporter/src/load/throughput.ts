import { wholeDisk } from './disk-time.ts';

/** What moves through a host: bytes read from and written to its disks, received from and sent to its network. */
export const flows = ['read', 'written', 'received', 'sent'] as const;
export type Flow = (typeof flows)[number];

/** Bytes per second of each flow; NaN where it is not known. */
export type Throughput = Readonly<Record<Flow, number>>;

/** Bytes since the boot, by flow and device. */
export type TrafficCounters = ReadonlyMap<string, { readonly flow: Flow; readonly bytes: number }>;

/** The kernel counts in sectors of this size, whatever those of the disk are. */
const sectorBytes = 512;

/**
 * Cards alone, by the names that udev and the kernel give them, containers' `eth0` included: what goes through bridges,
 * bonds, VLANs and tunnels goes through a card as well, and would count twice.
 */
const card = /^(eth\d+|(en|wl|ww|ib)\w+)$/;

/**
 * Reads /proc/diskstats and /proc/net/dev; what is no line of theirs is passed over. Sources:
 * https://docs.kernel.org/admin-guide/iostats.html, proc_pid_net(5).
 */
export function parseTraffic(diskstats: string, netDev: string): TrafficCounters {
  const counters = new Map<string, { flow: Flow; bytes: number }>();
  const count = (device: string, flow: Flow, bytes: number): void => {
    if (Number.isFinite(bytes)) counters.set(`${flow} ${device}`, { flow, bytes });
  };
  for (const line of diskstats.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const device = fields[2] ?? '';
    if (!wholeDisk.test(device)) continue;
    count(device, 'read', Number(fields[5]) * sectorBytes);
    count(device, 'written', Number(fields[9]) * sectorBytes);
  }
  for (const line of netDev.split('\n')) {
    const [device = '', figures = ''] = line.trim().split(/:\s*/);
    if (!card.test(device)) continue;
    const fields = figures.split(/\s+/);
    count(device, 'received', Number(fields[0]));
    count(device, 'sent', Number(fields[8]));
  }
  return counters;
}

/** What moved between two looks: NaN where no device was seen twice. A counter that went back began anew: it is left out. */
export function throughputBetween(
  before: TrafficCounters,
  after: TrafficCounters,
  elapsedMs: number,
): Throughput {
  const throughput: Record<Flow, number> = { read: NaN, written: NaN, received: NaN, sent: NaN };
  if (!(elapsedMs > 0)) return throughput;
  for (const [key, { flow, bytes }] of after) {
    const earlier = before.get(key)?.bytes ?? Infinity;
    if (bytes < earlier) continue;
    const known = Number.isNaN(throughput[flow]) ? 0 : throughput[flow];
    throughput[flow] = known + (bytes - earlier) / (elapsedMs / 1000);
  }
  return throughput;
}
