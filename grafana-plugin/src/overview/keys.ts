import type { Key } from 'lowtide/api';
import type { EpochMs } from '../format/format.ts';
import type { Finding } from './overview.ts';

export function keyFindings(
  keys: readonly Key[],
  maxAgeSeconds: number | undefined,
  now: EpochMs,
): Finding[] {
  const isActive = keys.some(({ state }) => state === 'active');
  const none: Finding[] = isActive
    ? []
    : [
        {
          severity: 'broken',
          message: { key: 'overview.key.none' },
          about: { kind: 'key', id: '' },
          weight: 5,
        },
      ];
  return [...none, ...keys.flatMap((key) => keyFinding(key, maxAgeSeconds, now) ?? [])];
}

function keyFinding(
  { id, state, createdAt, backups }: Key,
  maxAgeSeconds: number | undefined,
  now: EpochMs,
): Finding | undefined {
  const about = { kind: 'key', id } as const;
  const age = (now - Date.parse(createdAt)) / 1000;
  if (state === 'active' && maxAgeSeconds !== undefined && age > maxAgeSeconds) {
    const values = { key: id, age: { seconds: age }, policy: { seconds: maxAgeSeconds } };
    return { severity: 'attention', message: { key: 'overview.key.old', values }, about, weight: 0 };
  }
  if (state === 'retiring' && backups > 0) {
    const values = { key: id, count: backups };
    return { severity: 'notice', message: { key: 'overview.key.retiring', values }, about, weight: 0 };
  }
  return undefined;
}
