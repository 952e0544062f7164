import type { EpochMs } from '../units/instant.ts';

/** What a schedule looks at when it waits for a quiet moment. */
export const resources = ['cpu', 'memory', 'disk'] as const;
export type Resource = (typeof resources)[number];

/**
 * The load of a host at one moment, each resource as the share in use, 0 to 1. What could not be measured is NaN, never 0.
 */
export interface LoadSample extends Readonly<Record<Resource, number>> {
  readonly at: EpochMs;
}

/** Samples averaged over a step of time. */
export interface LoadRecord extends Readonly<Record<Resource, number>> {
  /** The beginning of the step. */
  readonly at: EpochMs;
}

/** How often what is kept for 14 days, and for 92 days, is averaged over. */
export const fineStepMs = 60_000;
export const coarseStepMs = 300_000;

/** The load of the past, kept in the state. */
export interface LoadHistory {
  /** Files records, in place of those of the same steps, and forgets what is too old. */
  record(records: readonly LoadRecord[], step: 'fine' | 'coarse'): void;
  /** Oldest first, those whose step begins in [from, until). */
  records(step: 'fine' | 'coarse', from: EpochMs, until: EpochMs): readonly LoadRecord[];
}
