import type { EpochMs } from '../units/instant.ts';

/** A plan is made anew with each step of the forecast, and begins what it plans where a step begins. */
export const planStepMs = 300_000;

/** Timers, and starts, are late by a little. */
const lateMs = 30_000;

/**
 * A time as it is planned with: what lies a little behind the beginning of a step counts as that. Else what is to start there would be
 * put off to the next step as soon as that one has begun, and so on, and a run that began some milliseconds late would take
 * a step more.
 */
export function atStep(at: EpochMs): EpochMs {
  const behind = at % planStepMs;
  return behind <= lateMs ? at - behind : at;
}
