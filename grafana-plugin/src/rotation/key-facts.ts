import type { Key, Status } from 'lowtide/api';
import type { Rotation } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';

/** What the exporter says of keys and their rotations. */
export interface RotationAnswers {
  readonly status: Status;
  readonly keys: readonly Key[];
  /** The one begun last first. */
  readonly rotations: readonly Rotation[];
}

/** How things stand with the keys, at a moment. */
export interface KeyFacts {
  /** What new backups are sealed to; undefined where there is none, and nothing can be encrypted. */
  readonly active: Key | undefined;
  readonly ageSeconds: number | undefined;
  /** The age that the active key may have; undefined where no policy says so. */
  readonly allowedSeconds: number | undefined;
  readonly verdict: AgeVerdict;
  /** The active one, and those that backups depend on. */
  readonly inUse: readonly Key[];
  /** How many more there are, which nothing depends on. */
  readonly idle: number;
  /** The last that has ended. */
  readonly last: Rotation | undefined;
  /** When the policy rotates next; undefined where it is done by hand alone. */
  readonly nextAt: EpochMs | undefined;
}

/** `soon`: most of the time is over; `unlimited`: no policy. */
export type AgeVerdict = 'none' | 'unlimited' | 'good' | 'soon' | 'over';

const soonShare = 0.9;

export function keyFactsOf({ status, keys, rotations }: RotationAnswers, now: EpochMs): KeyFacts {
  const active = keys.find(({ state, purpose }) => state === 'active' && purpose === 'backup');
  const inUse = keys
    .filter((key) => key === active || key.backups > 0)
    .sort((a, b) => Number(b === active) - Number(a === active) || (a.createdAt < b.createdAt ? 1 : -1));
  const { maxKeyAgeSeconds, rotation } = status.encryption;
  const nextAt = rotation?.dueAt === undefined ? undefined : Date.parse(rotation.dueAt);
  const createdAt = active === undefined ? undefined : Date.parse(active.createdAt);
  const ageSeconds = createdAt === undefined ? undefined : Math.max(0, (now - createdAt) / 1000);
  const byPolicy = createdAt === undefined || nextAt === undefined ? undefined : (nextAt - createdAt) / 1000;
  const allowedSeconds = maxKeyAgeSeconds ?? (byPolicy !== undefined && byPolicy > 0 ? byPolicy : undefined);
  return {
    active,
    ageSeconds,
    allowedSeconds,
    verdict: verdictOf(ageSeconds, allowedSeconds),
    inUse,
    idle: keys.length - inUse.length,
    last: rotations.find(({ status: ended }) => ended !== 'running'),
    nextAt,
  };
}

function verdictOf(age: number | undefined, allowed: number | undefined): AgeVerdict {
  if (age === undefined) return 'none';
  if (allowed === undefined) return 'unlimited';
  if (age > allowed) return 'over';
  return age > soonShare * allowed ? 'soon' : 'good';
}
