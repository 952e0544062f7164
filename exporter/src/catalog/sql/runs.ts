import { LowtideError } from '../../errors/lowtide-error.ts';
import type { NewRun, Run, RunEnd, RunFilter } from '../catalog.ts';
import { fileBackup, fileCopy, fileSnapshot } from './backups.ts';
import type { Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { orphansAmong } from './owners.ts';
import { begunOrder, equals, listLimit, where } from './page.ts';
import { toRun } from './rows.ts';
import { setLastSuccess, settle } from './schedules.ts';
import { setSealing } from './sealings.ts';

/** Of one schedule at most one run is live; the owner of each is asked for inside the transaction. */
export async function startRun(tx: Transaction, run: NewRun): Promise<Run> {
  const running = await tx.all(
    `SELECT id, owner FROM runs WHERE schedule = ? AND status = 'running'`,
    run.schedule,
  );
  for (const other of running) {
    if (!(await tx.owner.isAlive(String(other['owner'])))) continue;
    throw new LowtideError('run_active', `a run of ${run.schedule} is going on: ${String(other['id'])}`, {
      hint: 'Wait for it to end, or cancel it.',
    });
  }
  await tx.run(
    `INSERT INTO runs
       (id, schedule, type, started_by, status, owner, started_at, due_at, object_prefix, stores)
     VALUES (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?)`,
    run.id,
    run.schedule,
    run.type,
    run.trigger,
    tx.owner.id,
    run.startedAt,
    run.dueAt ?? null,
    run.objectPrefix,
    JSON.stringify(run.stores),
  );
  const { id: runId, schedule, dueAt } = run;
  if (dueAt !== undefined) await settle(tx, schedule, dueAt);
  const started = { name: 'run:started', runId, schedule, ...(dueAt !== undefined && { dueAt }) } as const;
  await appendEvent(tx, started, run.startedAt);
  return await existingRun(tx, run.id);
}

export async function finishRun(tx: Transaction, id: string, end: RunEnd): Promise<Run> {
  const run = await existingRun(tx, id);
  await refuseUnlessOurs(tx, run);
  if (end.backup !== undefined && !('copies' in end.backup)) {
    await fileSnapshot(tx, end.backup.manifest);
  } else if (end.backup !== undefined) {
    const { manifest, copies } = end.backup;
    await fileBackup(tx, manifest);
    for (const copy of copies) {
      await fileCopy(tx, manifest.id, copy);
      await setSealing(tx, manifest.id, copy.store, manifest);
    }
  }
  const event = await appendEvent(tx, end.event, end.finishedAt);
  await tx.run(
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
  if (end.status === 'completed') await setLastSuccess(tx, run.schedule, end.finishedAt);
  return await existingRun(tx, id);
}

/** Whoever lost a run (it was ended as interrupted, another process has it) must not write its end over the true one. */
async function refuseUnlessOurs(tx: Transaction, run: Run): Promise<void> {
  // Others have taken its host for dead, which has the last word.
  const isOpen = run.status === 'running' || run.error?.code === 'host_silent';
  if (!isOpen) {
    throw new LowtideError('run_ended', `run ${run.id} has already ended: ${run.status}`);
  }
  const owner = String((await tx.get('SELECT owner FROM runs WHERE id = ?', run.id))?.['owner']);
  if (owner !== tx.owner.id && (await tx.owner.isAlive(owner))) {
    throw new LowtideError('run_active', `run ${run.id} belongs to another process, which is alive`, {
      hint: 'Cancel it there.',
    });
  }
}

export async function findRun(tx: Transaction, id: string): Promise<Run | undefined> {
  const row = await tx.get('SELECT * FROM runs WHERE id = ?', id);
  return row && toRun(row);
}

async function existingRun(tx: Transaction, id: string): Promise<Run> {
  const run = await findRun(tx, id);
  if (run === undefined) throw new LowtideError('not_found', `there is no run ${id}`);
  return run;
}

export async function listRuns(tx: Transaction, filter: RunFilter): Promise<Run[]> {
  const after = filter.after === undefined ? undefined : await numberOf(tx, filter.after);
  const order = begunOrder(after, filter.behind);
  const condition = where([
    equals('schedule', filter.schedule),
    equals('status', filter.status),
    order.condition,
  ]);
  return (
    await tx.all(
      `SELECT * FROM runs ${condition.sql} ORDER BY ${order.by} LIMIT ?`,
      ...condition.values,
      listLimit(filter.limit),
    )
  ).map(toRun);
}

async function numberOf(tx: Transaction, id: string): Promise<number> {
  const row = await tx.get('SELECT number FROM runs WHERE id = ?', id);
  if (row === undefined) throw new LowtideError('not_found', `there is no run ${id}`);
  return Number(row['number']);
}

/** Right inside of a writing transaction alone: while locks of dead owners are removed they look alive. */
export async function orphanedRuns(tx: Transaction, mine: ReadonlySet<string>): Promise<readonly Run[]> {
  const running = await tx.all(
    `SELECT * FROM runs
     WHERE status IN ('running', 'interrupted') AND (status = 'running' OR error LIKE '{"code":"host_silent"%')
     ORDER BY number`,
  );
  return (await orphansAmong(tx, running, (row) => mine.has(String(row['id'])))).map(toRun);
}
