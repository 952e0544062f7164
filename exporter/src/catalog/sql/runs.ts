import { LowtideError } from '../../errors/lowtide-error.ts';
import type { NewRun, Run, RunEnd, RunFilter } from '../catalog.ts';
import { fileBackup, fileCopy, fileSnapshot } from './backups.ts';
import type { Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { orphansAmong } from './owners.ts';
import { begunOrder, equals, listLimit, where } from './page.ts';
import { toRun } from './rows.ts';
import { setLastSuccess, settle, settleUpTo } from './schedules.ts';
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
  await insertRun(tx, run);
  if (run.dueAt !== undefined) await settle(tx, run.schedule, run.dueAt);
  await appendStarted(tx, run);
  return await existingRun(tx, run.id);
}

/** Files a run that began while nobody could be asked whether it may, unless it is on file. */
export async function fileRun(tx: Transaction, run: NewRun): Promise<Run> {
  const known = await findRun(tx, run.id);
  if (known !== undefined) return known;
  await insertRun(tx, run);
  if (run.dueAt !== undefined) await settleUpTo(tx, run.schedule, run.dueAt);
  await appendStarted(tx, run);
  return await existingRun(tx, run.id);
}

async function insertRun(tx: Transaction, run: NewRun): Promise<void> {
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
}

async function appendStarted(
  tx: Transaction,
  { id: runId, schedule, dueAt, startedAt }: NewRun,
): Promise<void> {
  const started = { name: 'run:started', runId, schedule, ...(dueAt !== undefined && { dueAt }) } as const;
  await appendEvent(tx, started, startedAt);
}

export async function finishRun(tx: Transaction, id: string, end: RunEnd): Promise<Run> {
  const run = await existingRun(tx, id);
  await refuseUnlessOurs(tx, run);
  await fileEnd(tx, run, end);
  return await existingRun(tx, id);
}

/**
 * Files the end of a run that was made while the state was away. Where somebody has taken it for dead meanwhile, the backup that
 * came of it counts all the same; any other end leaves what is on file.
 */
export async function fileLateEnd(tx: Transaction, run: NewRun, end: RunEnd): Promise<void> {
  const known = await fileRun(tx, run);
  if (isOpen(known) || (known.status !== 'completed' && end.status === 'completed'))
    await fileEnd(tx, known, end);
}

async function fileEnd(tx: Transaction, run: Run, end: RunEnd): Promise<void> {
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
  // That it was cut off may have been told, and counted, by whoever has found its host silent.
  const isTold = run.status === end.status;
  const sequence = isTold ? undefined : (await appendEvent(tx, end.event, end.finishedAt)).sequence;
  await tx.run(
    `UPDATE runs
     SET status = ?, finished_at = ?, finish_sequence = coalesce(?, finish_sequence), error = ?, warnings = ?, paused_seconds = ?, backup_id = ?,
         size_bytes = (SELECT size_bytes FROM backups WHERE id = ?),
         stored_bytes = (SELECT stored_bytes FROM backups WHERE id = ?)
     WHERE id = ?`,
    end.status,
    (isTold ? run.finishedAt : undefined) ?? end.finishedAt,
    sequence ?? null,
    end.error === undefined ? null : JSON.stringify(end.error),
    JSON.stringify(end.warnings),
    end.pausedSeconds ?? 0,
    end.backup?.manifest.id ?? null,
    end.backup?.manifest.id ?? null,
    end.backup?.manifest.id ?? null,
    run.id,
  );
  if (end.status === 'completed') await setLastSuccess(tx, run.schedule, end.finishedAt);
}

/** Whether its end is still to come: where others have taken its host for dead, that one has the last word. */
export function isOpen({ status, error }: Run): boolean {
  return status === 'running' || error?.code === 'host_silent';
}

/** Whoever lost a run (it was ended as interrupted, another process has it) must not write its end over the true one. */
async function refuseUnlessOurs(tx: Transaction, run: Run): Promise<void> {
  if (!isOpen(run)) {
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
    equals('due_at', filter.dueAt),
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
