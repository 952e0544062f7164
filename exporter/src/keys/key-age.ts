import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Key } from './keystore.ts';

const hourMs = 3_600_000;

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
  const shown = formatDuration(Math.floor(age / hourMs) * hourMs);
  return [
    `the active key ${active.id} is ${shown} old, older than max_key_age (${formatDuration(maxAgeMs)}): run lowtide rotate`,
  ];
}
