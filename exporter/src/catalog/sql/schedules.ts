import type { EpochMs } from '../../units/instant.ts';
import type { Missed, ScheduleState } from '../catalog.ts';
import type { Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';

export async function scheduleState(tx: Transaction, id: string): Promise<ScheduleState> {
  const row = (await tx.get('SELECT * FROM schedules WHERE id = ?', id)) as unknown as
    ScheduleRow | undefined;
  return row === undefined ? { paused: false } : stateOf(row);
}

export async function scheduleStates(tx: Transaction): Promise<ReadonlyMap<string, ScheduleState>> {
  const rows = (await tx.all('SELECT * FROM schedules')) as unknown as readonly ScheduleRow[];
  return new Map(rows.map((row) => [row.id, stateOf(row)]));
}

function stateOf(row: ScheduleRow): ScheduleState {
  const { settled_until: until, missed_due_at: dueAt, missed_at: at, missed_reason: reason } = row;
  return {
    paused: row.paused === 1,
    ...(until !== null && { settledUntil: until }),
    ...(dueAt !== null && at !== null && { lastMissed: { dueAt, at, ...(reason !== null && { reason }) } }),
  };
}

interface ScheduleRow {
  readonly id: string;
  readonly paused: number;
  readonly settled_until: number | null;
  readonly missed_due_at: number | null;
  readonly missed_at: number | null;
  readonly missed_reason: string | null;
}

export async function settle(tx: Transaction, id: string, until: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, settled_until) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET settled_until = excluded.settled_until`,
    id,
    until,
  );
}

export async function settleUpTo(tx: Transaction, id: string, until: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, settled_until) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET settled_until = excluded.settled_until
       WHERE schedules.settled_until IS NULL OR schedules.settled_until < excluded.settled_until`,
    id,
    until,
  );
}

export async function recordMissed(
  tx: Transaction,
  schedule: string,
  missed: Missed,
  at: EpochMs,
): Promise<void> {
  await settleUpTo(tx, schedule, missed.dueAt);
  await tx.run(
    'UPDATE schedules SET missed_due_at = ?, missed_at = ?, missed_reason = ? WHERE id = ?',
    missed.dueAt,
    at,
    missed.reason ?? null,
    schedule,
  );
  await appendEvent(tx, { name: 'run:missed', schedule, ...missed }, at);
}

export async function setPaused(tx: Transaction, id: string, paused: boolean): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, paused) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET paused = excluded.paused`,
    id,
    paused ? 1 : 0,
  );
}

/** The last, not the latest: a clock that once stood years ahead must not hide for years that backups have stopped. */
export async function setLastSuccess(tx: Transaction, id: string, at: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, last_success_at) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET last_success_at = excluded.last_success_at`,
    id,
    at,
  );
}

/** For backups found in a store, in whatever order they come. */
export async function raiseLastSuccess(tx: Transaction, id: string, at: EpochMs): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, last_success_at) VALUES (?, ?)
     ON CONFLICT (id) DO UPDATE SET last_success_at = excluded.last_success_at
       WHERE schedules.last_success_at IS NULL OR schedules.last_success_at < excluded.last_success_at`,
    id,
    at,
  );
}
