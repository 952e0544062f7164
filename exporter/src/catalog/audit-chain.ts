import { createHash } from 'node:crypto';
import type { AuditEntry } from './access.ts';

/**
 * The audit log is a chain: each entry has the SHA-256 of the hash before it, its own sequence, time and text. Whoever
 * changes, removes or inserts an entry has to write every later hash anew, and the log lines and the API have told those
 * already: `head` is compared with one that was noted elsewhere.
 */
export const firstHash = '0'.repeat(64);

export function chainHash(
  previous: string,
  { sequence, at, text }: Pick<AuditEntry, 'sequence' | 'at' | 'text'>,
): string {
  return createHash('sha256').update(`${previous}\n${sequence}\n${at}\n${text}`).digest('hex');
}

export interface ChainVerdict {
  readonly entries: number;
  /** The hash of the last entry that fits; that of an empty log is all zeros. */
  readonly head: string;
  /** The first entry that does not follow from the ones before it; absent when all do. */
  readonly brokenAt?: number;
  /** Whether an entry with the hash asked for is there; absent where none was asked for. */
  readonly hasNoted?: boolean;
}

/** `read` gives entries with a greater sequence, oldest first. */
export async function verifyChain(
  read: (sequence: number, limit: number) => Promise<readonly AuditEntry[]>,
  noted?: string,
): Promise<ChainVerdict> {
  const pageSize = 1000;
  let head = firstHash;
  let entries = 0;
  let hasNoted = noted === firstHash;
  const verdict = (brokenAt?: number): ChainVerdict => ({
    entries,
    head,
    ...(brokenAt !== undefined && { brokenAt }),
    ...(noted !== undefined && { hasNoted }),
  });
  for (;;) {
    // From before the first, where an entry could be slipped in that nothing follows from.
    const page = await read(entries === 0 ? Number.MIN_SAFE_INTEGER : entries, pageSize);
    for (const entry of page) {
      if (entry.sequence !== entries + 1 || entry.hash !== chainHash(head, entry))
        return verdict(entries + 1);
      entries += 1;
      head = entry.hash;
      hasNoted ||= head === noted;
    }
    if (page.length < pageSize) return verdict();
  }
}
