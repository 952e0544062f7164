import type { EpochMs } from '../../units/instant.ts';
import type { ScheduleState } from '../catalog.ts';
import type { StateDatabase } from './database.ts';

export function scheduleState(database: StateDatabase, id: string): ScheduleState {
  return { paused: database.get('SELECT paused FROM schedules WHERE id = ?', id)?.['paused'] === 1 };
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
