import type { LowtideError } from '../../errors/lowtide-error.ts';
import type { EventBody, StoredEvent } from '../../events/events.ts';
import type { Manifest } from '../../store/manifest.ts';
import type { EpochMs } from '../../units/instant.ts';
import type {
  Backup,
  BackupFilter,
  Catalog,
  CatalogTotals,
  FoundBackup,
  FoundCopy,
  Missed,
  NewRun,
  PrunedBackups,
  Run,
  RunEnd,
  RunFilter,
  ScheduleProof,
  ScheduleState,
  VerificationResult,
} from '../catalog.ts';
import type { AccessRecords } from '../access.ts';
import type { BackgroundRecords } from '../background.ts';
import type { CopyRecords } from '../copies.ts';
import type { RotationRecords } from '../rotations.ts';
import { SqlAccessRecords } from './access/access.ts';
import type { DrillRecords } from '../drills.ts';
import { SqlBackgroundRecords } from './background.ts';
import { SqlCopyRecords } from './healing.ts';
import { SqlDrillRecords } from './drills.ts';
import { adopt } from './adopt.ts';
import { findBackup, listBackups, prunedOf } from './backups.ts';
import type { HostLoads, LoadHistory } from '../../load/load.ts';
import { SqlHostLoads } from './host-loads.ts';
import { SqlLoadHistory } from './load-history.ts';
import type { RunReviews } from '../reviews.ts';
import { SqlRunReviews } from './reviews.ts';
import type { RunLogs } from '../run-logs.ts';
import { SqlRunLogs } from './run-logs.ts';
import type { SnapshotRecords } from '../snapshots.ts';
import { SqlSnapshotRecords } from './snapshots.ts';
import { recordVerification, removeCopy } from './copies.ts';
import type { StateDatabase } from './transaction.ts';
import { appendEvent, eventsAfter, latestSequence } from './events.ts';
import { SqlRotationRecords } from './rotations/records.ts';
import { finishRun, findRun, listRuns, orphanedRuns, startRun } from './runs.ts';
import { recordRestore, scheduleProofs } from './proofs.ts';
import { recordMissed, scheduleState, scheduleStates, setPaused, settle, settleUpTo } from './schedules.ts';
import { readTotals } from './totals.ts';

/** One method, one transaction; the statements live beside it. */
export class SqlCatalog implements Catalog {
  readonly access: AccessRecords;
  readonly background: BackgroundRecords;
  readonly copies: CopyRecords;
  readonly drills: DrillRecords;
  readonly rotations: RotationRecords;
  readonly load: LoadHistory;
  readonly hostLoads: HostLoads;
  readonly reviews: RunReviews;
  readonly runLogs: RunLogs;
  readonly snapshots: SnapshotRecords;
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
    this.access = new SqlAccessRecords(database);
    this.background = new SqlBackgroundRecords(database);
    this.copies = new SqlCopyRecords(database);
    this.drills = new SqlDrillRecords(database);
    this.rotations = new SqlRotationRecords(database);
    this.load = new SqlLoadHistory(database);
    this.hostLoads = new SqlHostLoads(database);
    this.reviews = new SqlRunReviews(database);
    this.runLogs = new SqlRunLogs(database);
    this.snapshots = new SqlSnapshotRecords(database);
  }

  async startRun(run: NewRun): Promise<Run> {
    return await this.#database.write((tx) => startRun(tx, run));
  }

  async finishRun(id: string, end: RunEnd): Promise<Run> {
    return await this.#database.write((tx) => finishRun(tx, id, end));
  }

  async run(id: string): Promise<Run | undefined> {
    return await this.#database.read((tx) => findRun(tx, id));
  }

  async runs(filter: RunFilter): Promise<readonly Run[]> {
    return await this.#database.read((tx) => listRuns(tx, filter));
  }

  async orphanedRuns(mine: ReadonlySet<string>): Promise<readonly Run[]> {
    return await this.#database.write((tx) => orphanedRuns(tx, mine));
  }

  async adoptBackup(manifest: Manifest, copy: FoundCopy): Promise<void> {
    const [refused] = await this.adoptBackups([{ manifest, copy }]);
    if (refused !== undefined) throw refused;
  }

  async adoptBackups(found: readonly FoundBackup[]): Promise<readonly (LowtideError | undefined)[]> {
    return await this.#database.write(async (tx) => {
      const refusals: (LowtideError | undefined)[] = [];
      for (const each of found) refusals.push(await adopt(tx, each));
      return refusals;
    });
  }

  async backup(id: string): Promise<Backup | undefined> {
    return await this.#database.read((tx) => findBackup(tx, id));
  }

  async backups(filter: BackupFilter): Promise<readonly Backup[]> {
    return await this.#database.read((tx) => listBackups(tx, filter));
  }

  async recordVerification(id: string, store: string, result: VerificationResult): Promise<void> {
    await this.#database.write((tx) => recordVerification(tx, id, store, result));
  }

  async recordRestore(id: string, status: 'completed' | 'failed', at: EpochMs): Promise<void> {
    await this.#database.write((tx) => recordRestore(tx, id, status, at));
  }

  async removeCopy(id: string, store: string, reason: string, at: EpochMs): Promise<void> {
    await this.#database.write((tx) => removeCopy(tx, id, store, reason, at));
  }

  async schedule(id: string): Promise<ScheduleState> {
    return await this.#database.read((tx) => scheduleState(tx, id));
  }

  async schedules(): Promise<ReadonlyMap<string, ScheduleState>> {
    return await this.#database.read(scheduleStates);
  }

  async setPaused(id: string, paused: boolean): Promise<void> {
    await this.#database.write((tx) => setPaused(tx, id, paused));
  }

  async settle(schedule: string, until: EpochMs): Promise<void> {
    await this.#database.write((tx) => settle(tx, schedule, until));
  }

  async settleUpTo(schedule: string, until: EpochMs): Promise<void> {
    await this.#database.write((tx) => settleUpTo(tx, schedule, until));
  }

  async recordMissed(schedule: string, missed: Missed, at: EpochMs): Promise<void> {
    await this.#database.write((tx) => recordMissed(tx, schedule, missed, at));
  }

  async append(event: EventBody, at: EpochMs): Promise<StoredEvent> {
    return await this.#database.write((tx) => appendEvent(tx, event, at));
  }

  async eventsAfter(sequence: number, limit: number): Promise<readonly StoredEvent[]> {
    return await this.#database.read((tx) => eventsAfter(tx, sequence, limit));
  }

  async latestSequence(): Promise<number> {
    return await this.#database.read((tx) => latestSequence(tx));
  }

  async prunedOf(keyId: string): Promise<PrunedBackups> {
    return await this.#database.read((tx) => prunedOf(tx, keyId));
  }

  async proofs(): Promise<readonly ScheduleProof[]> {
    return await this.#database.read((tx) => scheduleProofs(tx));
  }

  async totals(): Promise<CatalogTotals> {
    return await this.#database.read((tx) => readTotals(tx));
  }

  async check(): Promise<readonly string[]> {
    return await this.#database.findings();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }
}
