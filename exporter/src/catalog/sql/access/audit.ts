import type { EpochMs } from '../../../units/instant.ts';
import type { AuditBody, AuditEntry } from '../../access.ts';
import { chainHash, firstHash } from '../../audit-chain.ts';
import type { Row, Transaction } from '../transaction.ts';
import { listLimit } from '../page.ts';

/** Inside a transaction, so that two writers cannot follow the same entry. */
export async function appendAudit(tx: Transaction, body: AuditBody, at: EpochMs): Promise<AuditEntry> {
  const last = await tx.get('SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1');
  const sequence = Number(last?.['sequence'] ?? 0) + 1;
  const text = JSON.stringify(body);
  const hash = chainHash(typeof last?.['hash'] === 'string' ? last['hash'] : firstHash, {
    sequence,
    at,
    text,
  });
  await tx.run('INSERT INTO audit (sequence, at, body, hash) VALUES (?, ?, ?, ?)', sequence, at, text, hash);
  return { sequence, at, body, text, hash };
}

export async function auditAfter(tx: Transaction, sequence: number, limit: number): Promise<AuditEntry[]> {
  return (
    await tx.all(
      'SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?',
      sequence,
      listLimit(limit),
    )
  ).map(toEntry);
}

export async function auditBefore(
  tx: Transaction,
  sequence: number | undefined,
  limit: number,
): Promise<AuditEntry[]> {
  return (
    await tx.all(
      'SELECT * FROM audit WHERE sequence < ? ORDER BY sequence DESC LIMIT ?',
      sequence ?? Number.MAX_SAFE_INTEGER,
      listLimit(limit),
    )
  ).map(toEntry);
}

function toEntry(row: Row): AuditEntry {
  const entry = row as unknown as { sequence: number; at: number; body: string; hash: string };
  return {
    sequence: entry.sequence,
    at: entry.at,
    body: JSON.parse(entry.body) as AuditBody,
    text: entry.body,
    hash: entry.hash,
  };
}
