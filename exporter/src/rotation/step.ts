import type { CopyChange, CopyOutcome, RotationBackup, RotationBackupEnd } from '../catalog/rotations.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Manifest } from '../store/manifest.ts';
import type { ReplacementResult, Skipped } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import type { Resealed } from './rewrap.ts';

/** One copy on its way to its new sealing. */
export interface Change extends Resealed {
  readonly store: Store;
}

/** A copy that cannot be given to the new key. */
export interface CopyFault {
  readonly store: string;
  readonly message: string;
  /** Whether it is the copy that is not what its manifest describes. */
  readonly damaged: boolean;
}

/** A backup on its way. */
export interface Step {
  readonly item: RotationBackup;
  readonly changes: readonly Change[];
  /** Why copies, or all of it, stay as they are. */
  readonly skipped: readonly (string | CopyFault)[];
  readonly failed: readonly CopyFault[];
}

export const gone: ReplacementResult = { status: 'skipped', reason: 'missing', message: 'pruned meanwhile' };

/** What was worked out for the copies of one backup: one that is damaged keeps no other from its new key. */
export class PreparedCopies implements Omit<Step, 'item'> {
  readonly changes: Change[] = [];
  readonly skipped: (string | CopyFault)[];
  readonly failed: CopyFault[] = [];

  constructor(skipped: readonly string[]) {
    this.skipped = [...skipped];
  }

  /** Throws what the next backup would meet as well. */
  async attempt(store: Store, prepare: () => Promise<Resealed>): Promise<void> {
    try {
      this.changes.push({ ...(await prepare()), store });
    } catch (thrown) {
      const fault = copyFaultOf(store, thrown);
      if (LowtideError.from(thrown).code === 'store_missing_object') this.skipped.push(fault);
      else this.failed.push(fault);
    }
  }

  refuse({ message }: Skipped): void {
    this.skipped.push(message);
  }
}

const damages: readonly ErrorCode[] = ['verification_failed', 'header_invalid', 'payload_invalid'];
/** They say nothing against the copy: its disk may just not be mounted. */
const obstacles: readonly ErrorCode[] = ['no_identity_match', 'store_missing_object'];

/** What an error says against one copy; throws those that other copies would meet as well. */
export function copyFaultOf(store: Store, thrown: unknown): CopyFault {
  const { code, message } = LowtideError.from(thrown);
  const damaged = damages.includes(code);
  if (!damaged && !obstacles.includes(code)) throw thrown;
  return { store: store.id, message, damaged };
}

export function changeOf(backupId: string, { store, manifest }: Change): CopyChange {
  return { backupId, store: store.id, manifest };
}

/** How a step ended, and the copies that were found damaged by it. */
export interface StepEnd extends RotationBackupEnd {
  readonly damage: readonly CopyFault[];
}

export function endOf(
  { item, changes, skipped, failed }: Step,
  outcomes: ReadonlyMap<Change, ReplacementResult>,
): StepEnd {
  const results = changes.map((change) => ({ change, result: outcomes.get(change) ?? gone }));
  const refused = results.flatMap(({ change, result }) =>
    result.status === 'skipped' ? [faultOf(change.store, result)] : [],
  );
  const isFailed = failed.length > 0 || refused.some(({ reason }) => reason === 'changed');
  const faults = [...skipped, ...failed, ...refused];
  return {
    backupId: item.backupId,
    status: isFailed ? 'failed' : faults.length === 0 ? 'done' : 'skipped',
    ...(faults.length > 0 && {
      reason: faults.map((fault) => (typeof fault === 'string' ? fault : fault.message)).join('; '),
    }),
    bytes: results.reduce(
      (sum, { change, result }) => sum + (result.status === 'replaced' ? bytesOf(change.manifest) : 0),
      0,
    ),
    copies: results.map(({ change, result }) => ({
      store: change.store.id,
      outcome: (result.status === 'replaced' ? 'resealed' : 'kept') satisfies CopyOutcome,
    })),
    damage: faults.filter((fault) => typeof fault !== 'string').filter(({ damaged }) => damaged),
  };
}

/** As against protection, which somebody has meant, and a file that is not there now, `changed` is damage. */
function faultOf(store: Store, { reason, message }: Skipped): CopyFault & Pick<Skipped, 'reason'> {
  return { store: store.id, message, reason, damaged: reason === 'changed' };
}

function bytesOf({ parts }: Manifest): number {
  return parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0);
}
