import type { EpochMs } from '../../../units/instant.ts';
import type { AuditBody, AuditEntry } from '../../access.ts';
import { chainHash, firstHash } from '../../audit-chain.ts';
import type { Row, StateDatabase } from '../database.ts';
import { listLimit } from '../page.ts';

/** Inside a transaction, so that two writers cannot follow the same entry. */
export function appendAudit(database: StateDatabase, body: AuditBody, at: EpochMs): AuditEntry {
  const last = database.get('SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1');
  const sequence = Number(last?.['sequence'] ?? 0) + 1;
  const text = JSON.stringify(body);
  const hash = chainHash(typeof last?.['hash'] === 'string' ? last['hash'] : firstHash, {
    sequence,
    at,
    text,
  });
  database.run('INSERT INTO audit (sequence, at, body, hash) VALUES (?, ?, ?, ?)', sequence, at, text, hash);
  return { sequence, at, body, text, hash };
}

export function auditAfter(database: StateDatabase, sequence: number, limit: number): AuditEntry[] {
  return database
    .all('SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?', sequence, listLimit(limit))
    .map(toEntry);
}

export function auditBefore(
  database: StateDatabase,
  sequence: number | undefined,
  limit: number,
): AuditEntry[] {
  return database
    .all(
      'SELECT * FROM audit WHERE sequence < ? ORDER BY sequence DESC LIMIT ?',
      sequence ?? Number.MAX_SAFE_INTEGER,
      listLimit(limit),
    )
    .map(toEntry);
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
