import type { ScheduleProof } from '../catalog/catalog.ts';
import type { LatestDrills } from '../catalog/drills.ts';
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
  drills: Readonly<Record<string, LatestDrills>>,
  now: EpochMs,
): HealthCheck {
  const bySchedule = new Map(proofs.map((proof) => [proof.schedule, proof]));
  const known = schedules.flatMap((schedule) => {
    const proof = bySchedule.get(schedule.id);
    return proof === undefined ? [] : [{ schedule, proof }];
  });
  const drillsBySchedule = new Map(Object.entries(drills));
  const unproven = known.flatMap(
    ({ schedule, proof }) =>
      findingOf(schedule, proof, now) ??
      drillFindingOf(schedule, proof, drillsBySchedule.get(schedule.id), now) ??
      [],
  );
  const [first] = unproven;
  if (first === undefined) {
    return { type: 'restore_proof', ok: true, message: summary(known, now) };
  }
  return {
    type: 'restore_proof',
    ok: false,
    message: unproven.map(({ text }) => `${text.replace(/\.$/, '')}.`).join(' '),
    hint: first.hint,
  };
}

interface Finding {
  readonly text: string;
  readonly hint: string;
}

/** One that fails counts as long as none has passed since; one that is overdue, from the second time that it did not come. */
function drillFindingOf(
  { id, drillIntervalSeconds }: WatchedSchedule,
  { since }: ScheduleProof,
  drills: LatestDrills | undefined,
  now: EpochMs,
): Finding | undefined {
  const hint = `lowtide drill ${id} makes one now; lowtide drills --schedule ${id} has the last ones.`;
  if (drills?.last.status === 'failed') {
    return {
      text: `${id}: its last restore drill failed: ${drills.last.error?.message ?? 'no reason on file'}`,
      hint,
    };
  }
  if (drillIntervalSeconds === undefined) return undefined;
  const passedAt = drills?.passed?.finishedAt;
  const silentMs = now - (passedAt ?? since);
  if (silentMs <= Math.max(2000 * drillIntervalSeconds, 2 * dayMs)) return undefined;
  const last =
    passedAt === undefined ? `none was made since ${ago(silentMs)}` : `the last one was ${ago(silentMs)} ago`;
  return { text: `${id}: a restore drill is overdue, ${last}`, hint };
}

function findingOf(
  { id, intervalSeconds }: WatchedSchedule,
  { since, newest, ...proof }: ScheduleProof,
  now: EpochMs,
): Finding | undefined {
  const hint = `Prove it with lowtide backups verify ${newest.id}, or restore it; verify.after_backup does so after each backup.`;
  const found = (text: string): Finding => ({ text: `${id}: ${text}`, hint });
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
      : `the last restore was ${when(now - Math.max(...restores))}`;
  const age = now - Math.min(...times);
  const oldest = age < hourMs ? when(age) : `at most ${when(age)}`;
  return `Backups of every schedule were opened and compared, ${oldest}; ${restored}.`;
}

/** In hours: nobody needs to know it better. */
function ago(ms: number): string {
  return formatDuration(Math.max(hourMs, Math.floor(ms / hourMs) * hourMs));
}

function when(ms: number): string {
  return ms < hourMs ? 'within the last hour' : `${ago(ms)} ago`;
}
