import type { EpochMs } from '../../units/instant.ts';
import type { ScheduleState } from '../catalog.ts';
import type { StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';

export function scheduleState(database: StateDatabase, id: string): ScheduleState {
  const row = database.get('SELECT paused, settled_until FROM schedules WHERE id = ?', id);
  const until = row?.['settled_until'];
  return { paused: row?.['paused'] === 1, ...(typeof until === 'number' && { settledUntil: until }) };
}

export function settle(database: StateDatabase, id: string, until: EpochMs): void {
  database.run(
    `INSERT INTO schedules (id, settled_until) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET settled_until = excluded.settled_until`,
    id,
    until,
  );
}

export function recordMissed(
  database: StateDatabase,
  missed: { readonly schedule: string; readonly dueAt: EpochMs; readonly occurrences: number },
  at: EpochMs,
): void {
  settle(database, missed.schedule, missed.dueAt);
  appendEvent(database, { name: 'run:missed', ...missed }, at);
}

export function setPaused(database: StateDatabase, id: string, paused: boolean): void {
  database.run(
    `INSERT INTO schedules (id, paused) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET paused = excluded.paused`,
    id,
    paused ? 1 : 0,
  );
}

/** The last, not the latest: a clock that once stood years ahead must not hide for years that backups have stopped. */
export function setLastSuccess(database: StateDatabase, id: string, at: EpochMs): void {
  database.run(
    `INSERT INTO schedules (id, last_success_at) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET last_success_at = excluded.last_success_at`,
    id,
    at,
  );
}

/** For backups found in a store, in whatever order they come. */
export function raiseLastSuccess(database: StateDatabase, id: string, at: EpochMs): void {
  database.run(
    `INSERT INTO schedules (id, last_success_at) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET last_success_at = max(ifnull(last_success_at, 0), excluded.last_success_at)`,
    id,
    at,
  );
}
