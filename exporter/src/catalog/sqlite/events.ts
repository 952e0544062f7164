import type { EventBody, StoredEvent } from '../../events/events.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { StateDatabase } from './database.ts';
import { listLimit } from './page.ts';
import { toEvent } from './rows.ts';

/** Inside a transaction. The sequence grows by one, since nothing is ever deleted and a rollback takes its number back. */
export function appendEvent(database: StateDatabase, body: EventBody, at: EpochMs): StoredEvent {
  const row = database.get(
    'INSERT INTO events (at, body) VALUES (?, ?) RETURNING sequence, at, body',
    at,
    JSON.stringify(body),
  );
  return toEvent(row ?? {});
}

export function eventsAfter(database: StateDatabase, sequence: number, limit: number): StoredEvent[] {
  return database
    .all(
      'SELECT sequence, at, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?',
      sequence,
      listLimit(limit),
    )
    .map(toEvent);
}

export function latestSequence(database: StateDatabase): number {
  return Number(database.get('SELECT max(sequence) AS latest FROM events')?.['latest'] ?? 0);
}
