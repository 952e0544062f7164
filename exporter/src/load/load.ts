import type { EpochMs } from '../units/instant.ts';
import type { HostPressure } from './pressure.ts';
import type { Throughput } from './throughput.ts';

/** What a schedule looks at when it waits for a quiet moment. */
export const resources = ['cpu', 'memory', 'disk'] as const;
export type Resource = (typeof resources)[number];

/**
 * The load of a host at one moment, each resource as the share in use, 0 to 1. What could not be measured is NaN, never 0.
 */
export interface LoadSample extends Readonly<Record<Resource, number>> {
  readonly at: EpochMs;
  /** What the kernel tells of work that has to wait; absent where it does not, and while Lowtide itself is at work. */
  readonly pressure?: HostPressure;
  /** Share of the time since the sample before in which some work waited. */
  readonly stalled?: Readonly<Record<Resource, number>>;
  /** What moved since the sample before; absent while Lowtide itself is at work. */
  readonly throughput?: Throughput;
}

/** Samples averaged over a step of time. */
export interface LoadRecord extends Readonly<Record<Resource, number>> {
  /** The beginning of the step. */
  readonly at: EpochMs;
  /** Share of the time in which some work waited for the resource; absent where it is not known. */
  readonly pressure?: Readonly<Record<Resource, number>>;
  /** Absent where nothing of it is known. */
  readonly throughput?: Throughput;
}

/** What happened on the host between two readings; what is not known is NaN. */
export interface HostStrain {
  /** Share of the processors that others than Lowtide took, 0 to 1, and what all took together. */
  readonly cpu: number;
  readonly allCpu: number;
  /** Share of the time in which some work waited, Lowtide's own included, 0 to 1. */
  readonly pressure: Readonly<Record<Resource, number>>;
}

/** Reads what the host has counted since its boot, at a cost that allows it every few seconds. */
export interface HostGauge {
  read(): HostCounters;
  between(from: HostCounters, to: HostCounters): HostStrain;
}

export interface HostCounters {
  /** Milliseconds of a clock that is never set. */
  readonly at: number;
  /** Processor time of the host, in ticks; absent where it cannot be read. */
  readonly processors?: { readonly busy: number; readonly all: number };
  /** Processor time of this process and of all below it, in ticks. */
  readonly ownTicks: number;
  readonly pressure?: HostPressure;
}

/** How often what is kept for 14 days, and for 92 days, is averaged over. */
export const fineStepMs = 60_000;
export const coarseStepMs = 300_000;

/** The load of other hosts than this one, by their names in the config: in steps of five minutes, for 92 days. */
export interface HostLoads {
  /** Files records, in place of those of the same steps, and forgets what is too old, whatever the host. */
  record(host: string, records: readonly LoadRecord[]): Promise<void>;
  /** Oldest first, those whose step begins in [from, until). */
  records(host: string, from: EpochMs, until: EpochMs): Promise<readonly LoadRecord[]>;
}

/** The load of the past, kept in the state. */
export interface LoadHistory {
  /**
   * Files records, in place of those of the same steps (a pressure or throughput that is not known
   * replaces none), and forgets what is too old.
   */
  record(records: readonly LoadRecord[], step: 'fine' | 'coarse'): Promise<void>;
  /** Oldest first, those whose step begins in [from, until). */
  records(step: 'fine' | 'coarse', from: EpochMs, until: EpochMs): Promise<readonly LoadRecord[]>;
}
