import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Key } from './keystore.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** That the active key is older than it may be, as a sentence; empty when it is not, or nobody said how old it may be. */
export function keyAgeFindings(
  keys: readonly Key[],
  maxAgeMs: number | undefined,
  now: EpochMs,
): readonly string[] {
  const active = keys.find(({ state }) => state === 'active');
  if (maxAgeMs === undefined || active === undefined) return [];
  const age = now - active.createdAt;
  if (age <= maxAgeMs) return [];
  const unitMs = age < hourMs ? minuteMs : hourMs;
  const shown = formatDuration(Math.floor(age / unitMs) * unitMs);
  return [
    `the active key ${active.id} is ${shown} old, older than max_key_age (${formatDuration(maxAgeMs)}): run lowtide rotate`,
  ];
}
