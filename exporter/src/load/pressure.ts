import { resources, type Resource } from './load.ts';

/**
 * Pressure stall information: the share of time in which some, or all, work waited for a resource. Beyond a load it tells
 * whether anybody suffers. Source: https://docs.kernel.org/accounting/psi.html.
 */
export interface Pressure {
  readonly some: PressureAverages;
  /** Nobody got anything done; always 0 for the processors of a whole host. */
  readonly full: PressureAverages;
  /** How long some work waited since the boot. The kernel brings it up to date every two seconds. */
  readonly stalledMs: number;
}

/** Shares of the last 10, 60 and 300 seconds, 0 to 1. */
export interface PressureAverages {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

/** Of every resource; the kernel has all of them or none. */
export type HostPressure = Readonly<Record<Resource, Pressure>>;

/** The names of the files in /proc/pressure. */
export const pressureFiles: Readonly<Record<Resource, string>> = { cpu: 'cpu', memory: 'memory', disk: 'io' };

const none: PressureAverages = { avg10: 0, avg60: 0, avg300: 0 };

/** Reads a file of /proc/pressure; undefined for a text that is none. */
export function parsePressure(text: string): Pressure | undefined {
  const lines = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0] ?? '', line]),
  );
  const some = averages(lines.get('some'));
  const total = / total=(\d+)/.exec(lines.get('some') ?? '')?.[1];
  if (some === undefined || total === undefined) return undefined;
  return { some, full: averages(lines.get('full')) ?? none, stalledMs: Number(total) / 1000 };
}

function averages(line: string | undefined): PressureAverages | undefined {
  const match = /avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+)/.exec(line ?? '');
  if (match === null) return undefined;
  const [avg10 = 0, avg60 = 0, avg300 = 0] = match
    .slice(1)
    .map((percent) => Math.round(100 * Number(percent)) / 10_000);
  return { avg10, avg60, avg300 };
}

/** Share of the time between two readings in which some work waited, by resource, 0 to 1; NaN where one is missing. */
export function stalledBetween(
  from: HostPressure | undefined,
  to: HostPressure | undefined,
  elapsedMs: number,
): Record<Resource, number> {
  const share = (resource: Resource): number => {
    if (from === undefined || to === undefined || !(elapsedMs > 0)) return NaN;
    const stalledMs = to[resource].stalledMs - from[resource].stalledMs;
    return Math.min(1, Math.max(0, stalledMs / elapsedMs));
  };
  return Object.fromEntries(resources.map((resource) => [resource, share(resource)])) as Record<
    Resource,
    number
  >;
}

/** The texts of all files of /proc/pressure, by resource, as pressure; undefined where the kernel does not tell. */
export function hostPressure(texts: Readonly<Record<Resource, string>>): HostPressure | undefined {
  const [cpu, memory, disk] = resources.map((resource) => parsePressure(texts[resource]));
  return cpu === undefined || memory === undefined || disk === undefined ? undefined : { cpu, memory, disk };
}
