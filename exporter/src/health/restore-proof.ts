import type { ScheduleProof } from '../catalog/catalog.ts';
import { formatDuration } from '../units/duration.ts';
import type { EpochMs } from '../units/instant.ts';
import type { WatchedSchedule } from './facts.ts';
import type { HealthCheck } from './health.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A first backup is verified a moment after it was stored, or by hand the next day. */
const firstProofMs = dayMs;
/** A proof holds for a month, or for two backups where these are rarer. */
const proofHoldsMs = 31 * dayMs;

/**
 * Whether what is stored can be brought back. What counts as a proof is that a copy was read to its end, opened, decompressed
 * and compared (a verification), or restored. A schedule that has no backups has nothing to prove.
 */
export function checkRestoreProof(
  proofs: readonly ScheduleProof[],
  schedules: readonly WatchedSchedule[],
  now: EpochMs,
): HealthCheck {
  const bySchedule = new Map(proofs.map((proof) => [proof.schedule, proof]));
  const known = schedules.flatMap((schedule) => {
    const proof = bySchedule.get(schedule.id);
    return proof === undefined ? [] : [{ schedule, proof }];
  });
  const unproven = known.flatMap(({ schedule, proof }) => findingOf(schedule, proof, now) ?? []);
  const [first] = unproven;
  if (first === undefined) {
    return { type: 'restore_proof', ok: true, message: summary(known, now) };
  }
  return {
    type: 'restore_proof',
    ok: false,
    message: unproven.map(({ text }) => `${text}.`).join(' '),
    hint: `Prove it with lowtide backups verify ${first.backup}, or restore it; verify.after_backup does so after each backup.`,
  };
}

interface Finding {
  readonly backup: string;
  readonly text: string;
}

function findingOf(
  { id, intervalSeconds }: WatchedSchedule,
  { since, newest, ...proof }: ScheduleProof,
  now: EpochMs,
): Finding | undefined {
  const found = (text: string): Finding => ({ backup: newest.id, text: `${id}: ${text}` });
  if (newest.goodCopies === 0) return found(`no copy of its newest backup ${newest.id} is sound`);
  const provenAt = latestProof(proof);
  if (provenAt === undefined) {
    if (now - since <= firstProofMs) return undefined;
    return found(`none of its backups, made since ${ago(now - since)}, was ever opened or restored`);
  }
  if (now - provenAt <= Math.max(proofHoldsMs, 2000 * intervalSeconds)) return undefined;
  return found(`none of its backups was opened or restored for ${ago(now - provenAt)}`);
}

function latestProof({ verifiedAt, restoredAt }: Pick<ScheduleProof, 'verifiedAt' | 'restoredAt'>) {
  if (verifiedAt === undefined || restoredAt === undefined) return verifiedAt ?? restoredAt;
  return Math.max(verifiedAt, restoredAt);
}

function summary(known: readonly { readonly proof: ScheduleProof }[], now: EpochMs): string {
  const times = known.flatMap(({ proof }) => latestProof(proof) ?? []);
  if (times.length === 0) return 'There is nothing to prove yet.';
  const restores = known.flatMap(({ proof }) => proof.restoredAt ?? []);
  const restored =
    restores.length === 0
      ? 'none was restored so far'
      : `the last restore was ${ago(now - Math.max(...restores))} ago`;
  return `Backups of every schedule were opened and compared, at most ${ago(now - Math.min(...times))} ago; ${restored}.`;
}

/** In hours: nobody needs to know it better. */
function ago(ms: number): string {
  return formatDuration(Math.max(hourMs, Math.floor(ms / hourMs) * hourMs));
}
