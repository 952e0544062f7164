import type { Backup, Copy } from '../catalog/catalog.ts';
import { storedManifest, type Manifest } from '../store/manifest.ts';
import { counted } from '../units/count.ts';
import type { EpochMs } from '../units/instant.ts';

/** Which copies a rotation is about, and which it leaves alone, by the catalog alone. */

export interface CandidateRules {
  /** The key that backups are to be given to; copies that have it are done. */
  readonly targetKeyId?: string;
  /** Only copies that are sealed to one of these; absent: to any other key. */
  readonly fromKeyIds?: readonly string[];
  readonly daysBack?: number;
  readonly now: EpochMs;
  /** Stores in which what is stored can be changed. */
  readonly stores: ReadonlySet<string>;
  /** Stores of the config that cannot. */
  readonly fixedStores: ReadonlySet<string>;
}

export interface CandidateCopy {
  readonly store: string;
  readonly manifest: Manifest;
  readonly bytes: number;
}

export interface Candidate {
  readonly backup: Backup;
  /** To be sealed anew; none where the backup is skipped. */
  readonly copies: readonly CandidateCopy[];
  readonly skipped: readonly SkippedCopy[];
}

export interface SkippedCopy extends CandidateCopy {
  readonly code: CandidateSkip;
  readonly text: string;
}

export type CandidateSkip = 'older' | 'damaged' | 'store_missing' | 'store_fixed';

const dayMs = 86_400_000;

/** Undefined where nothing of the backup depends on another key. */
export function candidateOf(backup: Backup, rules: CandidateRules): Candidate | undefined {
  const dependent = backup.copies.filter(isThere).map((copy) => ({ copy, ...copyOf(backup, copy) }));
  const concerned = dependent.filter(({ manifest: { keyId } }) =>
    rules.fromKeyIds === undefined ? keyId !== rules.targetKeyId : rules.fromKeyIds.includes(keyId),
  );
  if (concerned.length === 0) return undefined;
  const copies: CandidateCopy[] = [];
  const skipped: SkippedCopy[] = [];
  for (const { copy, ...candidate } of concerned) {
    const reason = skipOf(backup, copy, rules);
    if (reason === undefined) copies.push(candidate);
    else skipped.push({ ...candidate, ...reason });
  }
  return { backup, copies, skipped };
}

/** Whether all of it is left alone for its age. */
export function isTooOld({ copies, skipped }: Candidate): boolean {
  return copies.length === 0 && skipped.every(({ code }) => code === 'older');
}

function skipOf(
  { createdAt }: Backup,
  { store, status }: Copy,
  { daysBack, now, stores, fixedStores }: CandidateRules,
): { readonly code: CandidateSkip; readonly text: string } | undefined {
  if (daysBack !== undefined && createdAt < now - daysBack * dayMs) {
    return { code: 'older', text: `older than ${counted(daysBack, 'day')}` };
  }
  if (fixedStores.has(store)) {
    return { code: 'store_fixed', text: `store ${store} cannot change what it holds` };
  }
  if (!stores.has(store))
    return { code: 'store_missing', text: `store ${store} is not in the config any more` };
  if (status === 'damaged') return { code: 'damaged', text: `the copy in store ${store} is damaged` };
  return undefined;
}

function copyOf(backup: Backup, copy: Copy): CandidateCopy {
  const manifest = copy.manifest ?? storedManifest(backup.manifest);
  const bytes = manifest.parts.reduce((sum, part) => sum + part.headerBytes + part.payloadBytes, 0);
  return { store: copy.store, manifest, bytes };
}

function isThere({ status }: Copy): boolean {
  return status === 'good' || status === 'damaged';
}
