import type { EventBody } from '../../events/events.ts';
import type { LoadRecord } from '../../load/load.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { AuditBody } from '../access.ts';
import type { Missed, NewRun, RunEnd, VerificationResult } from '../catalog.ts';
import type { RunUse } from '../reviews.ts';
import type { RunLogLine } from '../run-logs.ts';
import { appendAudit } from '../sql/access/audit.ts';
import { recordVerification } from '../sql/copies.ts';
import { appendEvent } from '../sql/events.ts';
import { recordLoad } from '../sql/load-history.ts';
import { recordRestore } from '../sql/proofs.ts';
import { recordUse } from '../sql/reviews.ts';
import { appendLine } from '../sql/run-logs.ts';
import { fileLateEnd, fileRun } from '../sql/runs.ts';
import { recordMissed, settle, settleUpTo } from '../sql/schedules.ts';
import type { Transaction } from '../sql/transaction.ts';

/** What was asked of the catalog while it was away, by the name of the method: plain data, to be kept as JSON. */
export type Carried =
  | { readonly name: 'startRun'; readonly run: NewRun }
  /** With the run itself: a server that has lost its last moments in a failover may not know of it. */
  | { readonly name: 'finishRun'; readonly run: NewRun; readonly end: RunEnd }
  | { readonly name: 'settle' | 'settleUpTo'; readonly schedule: string; readonly until: EpochMs }
  | {
      readonly name: 'recordMissed';
      readonly schedule: string;
      readonly missed: Missed;
      readonly at: EpochMs;
    }
  | { readonly name: 'appendAudit'; readonly body: AuditBody; readonly at: EpochMs }
  | { readonly name: 'append'; readonly event: EventBody; readonly at: EpochMs }
  | {
      readonly name: 'recordVerification';
      readonly backup: string;
      readonly store: string;
      readonly result: VerificationResult;
    }
  | {
      readonly name: 'recordRestore';
      readonly backup: string;
      readonly status: 'completed' | 'failed';
      readonly at: EpochMs;
    }
  | { readonly name: 'appendLine'; readonly run: string; readonly line: RunLogLine }
  | { readonly name: 'recordUse'; readonly run: string; readonly use: RunUse }
  | {
      readonly name: 'recordLoad';
      readonly records: readonly LoadRecord[];
      readonly step: 'fine' | 'coarse';
    };

/**
 * Does it. Nobody is asked whether it may be any more: it has happened. Where it `isUnsure` whether it was done already (the
 * answer to a COMMIT was lost), what would show twice is looked for.
 */
export async function carryOut(tx: Transaction, carried: Carried, isUnsure: boolean): Promise<void> {
  if (isUnsure && (await wasDone(tx, carried))) return;
  switch (carried.name) {
    case 'startRun':
      await fileRun(tx, carried.run);
      return;
    case 'finishRun':
      await fileLateEnd(tx, carried.run, carried.end);
      return;
    case 'settle':
      await settle(tx, carried.schedule, carried.until);
      return;
    case 'settleUpTo':
      await settleUpTo(tx, carried.schedule, carried.until);
      return;
    case 'recordMissed':
      await recordMissed(tx, carried.schedule, carried.missed, carried.at);
      return;
    case 'appendAudit':
      await appendAudit(tx, carried.body, carried.at);
      return;
    case 'append':
      await appendEvent(tx, carried.event, carried.at);
      return;
    case 'recordVerification':
      await recordVerification(tx, carried.backup, carried.store, carried.result);
      return;
    case 'recordRestore':
      await recordRestore(tx, carried.backup, carried.status, carried.at);
      return;
    case 'appendLine':
      await appendLine(tx, carried.run, carried.line);
      return;
    case 'recordUse':
      await recordUse(tx, carried.run, carried.use);
      return;
    case 'recordLoad':
      await recordLoad(tx, carried.records, carried.step);
  }
}

/** All else is the same when it is done twice. */
async function wasDone(tx: Transaction, carried: Carried): Promise<boolean> {
  switch (carried.name) {
    case 'recordMissed': {
      const { schedule, missed, at } = carried;
      return await isOnRecord(tx, { name: 'run:missed', schedule, ...missed }, at);
    }
    case 'appendAudit': {
      const found = await tx.get(
        'SELECT 1 FROM audit WHERE sequence > (SELECT coalesce(max(sequence), 0) FROM audit) - ? AND at = ? AND body = ?',
        lookedThrough,
        carried.at,
        JSON.stringify(carried.body),
      );
      return found !== undefined;
    }
    case 'append':
      return await isOnRecord(tx, carried.event, carried.at);
    case 'recordVerification': {
      const { backup, result } = carried;
      return await isOnRecord(
        tx,
        { name: 'backup:verified', backupId: backup, status: result.status },
        result.at,
      );
    }
    case 'recordRestore': {
      const { backup, status, at } = carried;
      return await isOnRecord(tx, { name: 'backup:restored', backupId: backup, status }, at);
    }
    case 'appendLine': {
      const { at, message } = carried.line;
      const line = await tx.get(
        'SELECT 1 FROM run_log_lines WHERE run = (SELECT number FROM runs WHERE id = ?) AND at = ? AND message = ?',
        carried.run,
        at,
        message,
      );
      return line !== undefined;
    }
    case 'startRun':
    case 'finishRun':
    case 'settle':
    case 'settleUpTo':
    case 'recordUse':
    case 'recordLoad':
      return false;
  }
}

/** Others that share the catalog have written on meanwhile, but not for long. */
const lookedThrough = 10_000;

async function isOnRecord(tx: Transaction, event: EventBody, at: EpochMs): Promise<boolean> {
  const found = await tx.get(
    `SELECT 1 FROM events WHERE sequence > (SELECT coalesce(max(sequence), 0) FROM events) - ? AND at = ? AND body = ?`,
    lookedThrough,
    at,
    JSON.stringify(event),
  );
  return found !== undefined;
}
