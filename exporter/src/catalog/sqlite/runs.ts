import { LowtideError } from '../../errors/lowtide-error.ts';
import type { NewRun, Run, RunEnd, RunFilter } from '../catalog.ts';
import { fileBackup, fileCopy, fileSnapshot } from './backups.ts';
import type { StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { equals, listLimit, where } from './page.ts';
import { toRun } from './rows.ts';
import { setLastSuccess, settle } from './schedules.ts';
import { setSealing } from './sealings.ts';

/** Of one schedule at most one run is live; the owner of each is asked for inside the transaction. */
export function startRun(database: StateDatabase, run: NewRun): Run {
  return database.write(() => {
    const running = database.all(
      `SELECT id, owner FROM runs WHERE schedule = ? AND status = 'running'`,
      run.schedule,
    );
    for (const other of running) {
      if (!database.owner.isAlive(String(other['owner']))) continue;
      throw new LowtideError('run_active', `a run of ${run.schedule} is going on: ${String(other['id'])}`, {
        hint: 'Wait for it to end, or cancel it.',
      });
    }
    database.run(
      `INSERT INTO runs
         (id, schedule, type, started_by, status, owner, started_at, due_at, object_prefix, stores)
       VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?)`,
      run.id,
      run.schedule,
      run.type,
      run.trigger,
      database.owner.id,
      run.startedAt,
      run.dueAt ?? null,
      run.objectPrefix,
      JSON.stringify(run.stores),
    );
    const { id: runId, schedule, dueAt } = run;
    if (dueAt !== undefined) settle(database, schedule, dueAt);
    const started = { name: 'run:started', runId, schedule, ...(dueAt !== undefined && { dueAt }) } as const;
    appendEvent(database, started, run.startedAt);
    return existingRun(database, run.id);
  });
}

export function finishRun(database: StateDatabase, id: string, end: RunEnd): Run {
  return database.write(() => {
    const run = existingRun(database, id);
    refuseUnlessOurs(database, run);
    if (end.backup !== undefined && !('copies' in end.backup)) {
      fileSnapshot(database, end.backup.manifest);
    } else if (end.backup !== undefined) {
      const { manifest, copies } = end.backup;
      fileBackup(database, manifest);
      for (const copy of copies) {
        fileCopy(database, manifest.id, copy);
        setSealing(database, manifest.id, copy.store, manifest);
      }
    }
    const event = appendEvent(database, end.event, end.finishedAt);
    database.run(
      `UPDATE runs
       SET status = ?, finished_at = ?, finish_sequence = ?, error = ?, warnings = ?, paused_seconds = ?, backup_id = ?,
           size_bytes = (SELECT size_bytes FROM backups WHERE id = ?),
           stored_bytes = (SELECT stored_bytes FROM backups WHERE id = ?)
       WHERE id = ?`,
      end.status,
      end.finishedAt,
      event.sequence,
      end.error === undefined ? null : JSON.stringify(end.error),
      JSON.stringify(end.warnings),
      end.pausedSeconds ?? 0,
      end.backup?.manifest.id ?? null,
      end.backup?.manifest.id ?? null,
      end.backup?.manifest.id ?? null,
      id,
    );
    if (end.status === 'completed') setLastSuccess(database, run.schedule, end.finishedAt);
    return existingRun(database, id);
  });
}

/** Whoever lost a run (it was ended as interrupted, another process has it) must not write its end over the true one. */
function refuseUnlessOurs(database: StateDatabase, run: Run): void {
  if (run.status !== 'running') {
    throw new LowtideError('run_ended', `run ${run.id} has already ended: ${run.status}`);
  }
  const owner = String(database.get('SELECT owner FROM runs WHERE id = ?', run.id)?.['owner']);
  if (owner !== database.owner.id && database.owner.isAlive(owner)) {
    throw new LowtideError('run_active', `run ${run.id} belongs to another process, which is alive`, {
      hint: 'Cancel it there.',
    });
  }
}

export function findRun(database: StateDatabase, id: string): Run | undefined {
  const row = database.get('SELECT * FROM runs WHERE id = ?', id);
  return row && toRun(row);
}

function existingRun(database: StateDatabase, id: string): Run {
  const run = findRun(database, id);
  if (run === undefined) throw new LowtideError('not_found', `there is no run ${id}`);
  return run;
}

export function listRuns(database: StateDatabase, filter: RunFilter): Run[] {
  const after = filter.after === undefined ? undefined : numberOf(database, filter.after);
  const condition = where([
    equals('schedule', filter.schedule),
    equals('status', filter.status),
    after === undefined ? undefined : { sql: 'number < ?', values: [after] },
  ]);
  return database
    .all(
      `SELECT * FROM runs ${condition.sql} ORDER BY number DESC LIMIT ?`,
      ...condition.values,
      listLimit(filter.limit),
    )
    .map(toRun);
}

function numberOf(database: StateDatabase, id: string): number {
  const row = database.get('SELECT number FROM runs WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no run ${id}`);
  return Number(row['number']);
}

/** Takes the write lock though it only reads: while locks of dead owners are removed they look alive. */
export function orphanedRuns(database: StateDatabase, mine: ReadonlySet<string>): Run[] {
  const isOrphan = (id: string, owner: string): boolean =>
    owner === database.owner.id ? !mine.has(id) : !database.owner.isAlive(owner);
  return database.write(() =>
    database
      .all(`SELECT * FROM runs WHERE status = 'running' ORDER BY number`)
      .filter((row) => isOrphan(String(row['id']), String(row['owner'])))
      .map(toRun),
  );
}
