import type { EpochMs } from '../../units/instant.ts';
import type { Missed, ScheduleState } from '../catalog.ts';
import type { StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';

export function scheduleState(database: StateDatabase, id: string): ScheduleState {
  const row = database.get('SELECT * FROM schedules WHERE id = ?', id) as unknown as ScheduleRow | undefined;
  if (row === undefined) return { paused: false };
  const { settled_until: until, missed_due_at: dueAt, missed_at: at, missed_reason: reason } = row;
  return {
    paused: row.paused === 1,
    ...(until !== null && { settledUntil: until }),
    ...(dueAt !== null && at !== null && { lastMissed: { dueAt, at, ...(reason !== null && { reason }) } }),
  };
}

interface ScheduleRow {
  readonly paused: number;
  readonly settled_until: number | null;
  readonly missed_due_at: number | null;
  readonly missed_at: number | null;
  readonly missed_reason: string | null;
}

export function settle(database: StateDatabase, id: string, until: EpochMs): void {
  database.run(
    `INSERT INTO schedules (id, settled_until) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET settled_until = excluded.settled_until`,
    id,
    until,
  );
}

export function recordMissed(database: StateDatabase, schedule: string, missed: Missed, at: EpochMs): void {
  settle(database, schedule, missed.dueAt);
  database.run(
    'UPDATE schedules SET missed_due_at = ?, missed_at = ?, missed_reason = ? WHERE id = ?',
    missed.dueAt,
    at,
    missed.reason ?? null,
    schedule,
  );
  appendEvent(database, { name: 'run:missed', schedule, ...missed }, at);
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
