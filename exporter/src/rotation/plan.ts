import type { RotationMode } from '../catalog/rotations.ts';
import type { LowtideError } from '../errors/lowtide-error.ts';
import { keyIdOf } from '../keys/key.ts';
import type { Key } from '../keys/keystore.ts';
import type { ResealingCost, Skipped } from '../store/resealing.ts';
import type { Candidate, CandidateCopy, CandidateSkip } from './candidates.ts';

/** What a rotation would do, worked out from what is known; nothing is changed by it. */
export interface RotationPlan {
  readonly mode: RotationMode;
  readonly daysBack?: number;
  /** Copies to be sealed anew. */
  readonly stores: readonly StorePlan[];
  /** Backups of which a copy is to be sealed anew. */
  readonly backups: number;
  readonly bytes: number;
  readonly skipped: readonly PlannedSkip[];
  readonly estimatedSeconds: number;
  /** Room that has to be free in each store while it goes on. */
  readonly neededBytes: number;
  /** Keys in use that no backup would depend on afterwards. */
  readonly retirableKeys: readonly string[];
  /** Recovery recipients that open some of the copies now, and no longer afterwards: the config does not name them any more. */
  readonly droppedRecipients: readonly string[];
  /** Why it could not be begun, or would end in the middle, as things are now. */
  readonly obstacles: readonly PlanObstacle[];
  /** What a holder of the old key could still read, after each of the three operations. */
  readonly stillReadable: Readonly<Record<RotationMode, string>>;
}

export interface PlanObstacle {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** With what it asks of an object store; all 0 for a folder. */
export interface StorePlan extends ResealingCost {
  readonly store: string;
  readonly backups: number;
  readonly bytes: number;
}

export interface PlannedSkip {
  readonly code: CandidateSkip | Skipped['reason'];
  /** Of the first. */
  readonly text: string;
  readonly copies: number;
  readonly bytes: number;
}

/** How quickly it goes, as measured. */
export interface RotationSpeed {
  readonly backupsPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface PlanInput {
  readonly mode: RotationMode;
  readonly daysBack?: number;
  readonly candidates: readonly Candidate[];
  /** What a store says against changing a copy, by `STORE/BACKUP`. */
  readonly protections: ReadonlyMap<string, Skipped>;
  /** What sealing a copy anew asks of its store; undefined where that is nothing. */
  readonly cost: (copy: CandidateCopy) => ResealingCost | undefined;
  readonly keys: readonly Key[];
  /** Backups by key, as the catalog counts them. */
  readonly backupsByKey: Readonly<Record<string, number>>;
  readonly speed: RotationSpeed;
  /** What backups are sealed to beside their own key. */
  readonly recoveryRecipients: readonly string[];
  readonly obstacles: readonly Pick<LowtideError, 'code' | 'message' | 'hint'>[];
}

export function protectionKey(store: string, backupId: string): string {
  return `${store}/${backupId}`;
}

export function planRotation(input: PlanInput): RotationPlan {
  const { mode, daysBack, candidates, protections, speed } = input;
  const stores = new Map<string, Omit<StorePlan, 'store'>>();
  const skipped = new Map<
    string,
    { code: PlannedSkip['code']; text: string; copies: number; bytes: number }
  >();
  const skip = (code: PlannedSkip['code'], text: string, bytes: number): void => {
    const known = skipped.get(code) ?? { code, text, copies: 0, bytes: 0 };
    skipped.set(code, { ...known, copies: known.copies + 1, bytes: known.bytes + bytes });
  };
  let backups = 0;
  let largest = 0;
  /** Dependent backups that stay behind, by key. */
  const staying = new Map<string, number>();
  const stay = (keyId: string): void => void staying.set(keyId, (staying.get(keyId) ?? 0) + 1);
  for (const { backup, copies, skipped: left } of candidates) {
    const kept = new Set<string>();
    for (const { code, text, bytes, manifest } of left) {
      skip(code, text, bytes);
      kept.add(manifest.keyId);
    }
    let changes = 0;
    for (const copy of copies) {
      const { store, bytes, manifest } = copy;
      const protection = protections.get(protectionKey(store, backup.id));
      if (protection !== undefined) {
        skip(protection.reason, protection.message, bytes);
        kept.add(manifest.keyId);
        continue;
      }
      stores.set(store, added(stores.get(store) ?? nothing, bytes, input.cost(copy) ?? nothing));
      largest = Math.max(largest, bytes);
      changes += 1;
    }
    if (changes > 0) backups += 1;
    kept.forEach(stay);
  }
  const bytes = [...stores.values()].reduce((sum, store) => sum + store.bytes, 0);
  return {
    mode,
    ...(daysBack !== undefined && { daysBack }),
    stores: [...stores].map(([store, sum]) => ({ store, ...sum })),
    backups,
    bytes,
    skipped: [...skipped.values()],
    estimatedSeconds: secondsFor(mode, backups, bytes, speed),
    neededBytes: mode === 'reencrypt' ? largest : 0,
    retirableKeys: mode === 'rotate' ? [] : retirable(input, staying),
    droppedRecipients: mode === 'rotate' ? [] : dropped(input),
    obstacles: input.obstacles.map(({ code, message, hint }) => ({
      code,
      message,
      ...(hint !== undefined && { hint }),
    })),
    stillReadable: stillReadable(
      [...skipped.values()].reduce((sum, { copies }) => sum + copies, 0),
      mode,
    ),
  };
}

const nothing = { backups: 0, bytes: 0, requests: 0, readBytes: 0, writtenBytes: 0 };

function added(sum: Omit<StorePlan, 'store'>, bytes: number, cost: ResealingCost): Omit<StorePlan, 'store'> {
  return {
    backups: sum.backups + 1,
    bytes: sum.bytes + bytes,
    requests: sum.requests + cost.requests,
    readBytes: sum.readBytes + cost.readBytes,
    writtenBytes: sum.writtenBytes + cost.writtenBytes,
  };
}

function secondsFor(
  mode: RotationMode,
  backups: number,
  bytes: number,
  { backupsPerSecond, bytesPerSecond }: RotationSpeed,
): number {
  if (mode === 'rotate') return 0;
  const perBackup = backups / backupsPerSecond;
  return Math.ceil(mode === 'rewrap' ? perBackup : perBackup + bytes / bytesPerSecond);
}

/** The active key is among them: it is about to be followed by a new one. */
function retirable(
  { keys, candidates, backupsByKey }: PlanInput,
  staying: ReadonlyMap<string, number>,
): readonly string[] {
  const moving = new Map<string, number>();
  for (const { copies, skipped } of candidates) {
    for (const keyId of new Set([...copies, ...skipped].map(({ manifest }) => manifest.keyId))) {
      moving.set(keyId, (moving.get(keyId) ?? 0) + 1);
    }
  }
  return keys
    .filter(({ id, state, purpose }) => {
      if ((state !== 'active' && state !== 'retiring') || purpose === 'recovery') return false;
      return (backupsByKey[id] ?? 0) <= (moving.get(id) ?? 0) && (staying.get(id) ?? 0) === 0;
    })
    .map(({ id }) => id);
}

function dropped({ candidates, recoveryRecipients }: PlanInput): readonly string[] {
  const now = candidates
    .flatMap(({ copies }) => copies)
    .flatMap(({ manifest: { keyId, recipients } }) =>
      recipients.filter((recipient) => keyIdOf(recipient) !== keyId),
    );
  return [...new Set(now)].filter((recipient) => !recoveryRecipients.includes(recipient));
}

/** `left`: copies that the planned operation leaves as they are. */
function stillReadable(left: number, planned: RotationMode): Readonly<Record<RotationMode, string>> {
  const others = (mode: RotationMode): string =>
    left === 0 || mode !== planned
      ? ''
      : `The ${left === 1 ? 'one copy that is left as it is' : `${left} copies that are left as they are`}, as before. Of all others: `;
  return {
    rotate:
      'Every backup made before. Only new backups are out of reach of the old key: it has to be kept, and kept safe, as long as they are.',
    rewrap: `${others('rewrap')}Nothing that lies in the stores now, with that key alone. But whoever has also kept an old copy of a file, or just of its first 4 KiB (a snapshot, a mirror, an older version), reads that backup as before, for its content is encrypted as it was. Against a key that has leaked use reencrypt.`,
    reencrypt: `${others('reencrypt')}Nothing that lies in the stores now, also together with old headers. Old copies of whole files (snapshots, mirrors, older versions) still open: remove those, too.`,
  };
}
