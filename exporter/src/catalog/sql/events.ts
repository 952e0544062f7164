import type { EventBody, StoredEvent } from '../../events/events.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Transaction } from './transaction.ts';
import { listLimit } from './page.ts';
import { toEvent } from './rows.ts';

/** Inside a transaction. The sequence grows by one, since nothing is ever deleted and a rollback takes its number back. */
export async function appendEvent(tx: Transaction, body: EventBody, at: EpochMs): Promise<StoredEvent> {
  const row = await tx.get(
    'INSERT INTO events (at, body) VALUES (?, ?) RETURNING sequence, at, body',
    at,
    JSON.stringify(body),
  );
  return toEvent(row ?? {});
}

export async function eventsAfter(tx: Transaction, sequence: number, limit: number): Promise<StoredEvent[]> {
  return (
    await tx.all(
      'SELECT sequence, at, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?',
      sequence,
      listLimit(limit),
    )
  ).map(toEvent);
}

export async function latestSequence(tx: Transaction): Promise<number> {
  return Number((await tx.get('SELECT max(sequence) AS latest FROM events'))?.['latest'] ?? 0);
}
