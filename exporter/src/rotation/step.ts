import type { CopyChange, CopyOutcome, RotationBackup, RotationBackupEnd } from '../catalog/rotations.ts';
import type { Manifest } from '../store/manifest.ts';
import type { ReplacementResult } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import type { Resealed } from './rewrap.ts';

/** One copy on its way to its new sealing. */
export interface Change extends Resealed {
  readonly store: Store;
}

/** A backup on its way. */
export interface Step {
  readonly item: RotationBackup;
  readonly changes: readonly Change[];
  /** Why a copy, or all of it, stays as it is. */
  readonly skipped?: string;
  readonly failed?: string;
}

export const gone: ReplacementResult = { status: 'skipped', reason: 'missing', message: 'pruned meanwhile' };

export function changeOf(backupId: string, { store, manifest }: Change): CopyChange {
  return { backupId, store: store.id, manifest };
}

export function endOf(
  { item, changes, skipped, failed }: Step,
  outcomes: ReadonlyMap<Change, ReplacementResult>,
): RotationBackupEnd {
  const results = changes.map((change) => ({ change, result: outcomes.get(change) ?? gone }));
  const refused = results.flatMap(({ result }) =>
    result.status === 'skipped' ? [{ damaged: isDamage(result.reason), message: result.message }] : [],
  );
  const reasons = [...(skipped === undefined ? [] : [skipped]), ...refused.map(({ message }) => message)];
  const reason = failed ?? (reasons.length > 0 ? reasons.join('; ') : undefined);
  const isFailed = failed !== undefined || refused.some(({ damaged }) => damaged);
  return {
    backupId: item.backupId,
    status: isFailed ? 'failed' : reason === undefined ? 'done' : 'skipped',
    ...(reason !== undefined && { reason }),
    bytes: results.reduce(
      (sum, { change, result }) => sum + (result.status === 'replaced' ? bytesOf(change.manifest) : 0),
      0,
    ),
    copies: results.map(({ change, result }) => ({
      store: change.store.id,
      outcome: (result.status === 'replaced' ? 'resealed' : 'kept') satisfies CopyOutcome,
    })),
  };
}

/** As against protection, which somebody has meant. */
function isDamage(reason: (ReplacementResult & { status: 'skipped' })['reason']): boolean {
  return reason === 'changed' || reason === 'missing';
}

function bytesOf({ parts }: Manifest): number {
  return parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0);
}
