import type { LowtideError } from '../errors/lowtide-error.ts';
import type { EventBody, StoredEvent } from '../events/events.ts';
import type { Manifest } from '../store/manifest.ts';
import type { EpochMs } from '../units/instant.ts';
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
} from './catalog.ts';
import type { AccessRecords } from './access.ts';
import type { BackgroundRecords } from './background.ts';
import type { CopyRecords } from './copies.ts';
import type { RotationRecords } from './rotations.ts';
import { SqliteAccessRecords } from './sqlite/access/access.ts';
import type { DrillRecords } from './drills.ts';
import { SqliteBackgroundRecords } from './sqlite/background.ts';
import { SqliteCopyRecords } from './sqlite/healing.ts';
import { SqliteDrillRecords } from './sqlite/drills.ts';
import { adopt } from './sqlite/adopt.ts';
import { findBackup, listBackups, prunedOf } from './sqlite/backups.ts';
import type { HostLoads, LoadHistory } from '../load/load.ts';
import { SqliteHostLoads } from './sqlite/host-loads.ts';
import { SqliteLoadHistory } from './sqlite/load-history.ts';
import type { RunReviews } from './reviews.ts';
import { SqliteRunReviews } from './sqlite/reviews.ts';
import type { RunLogs } from './run-logs.ts';
import { SqliteRunLogs } from './sqlite/run-logs.ts';
import type { SnapshotRecords } from './snapshots.ts';
import { SqliteSnapshotRecords } from './sqlite/snapshots.ts';
import { recordVerification, removeCopy } from './sqlite/copies.ts';
import { StateDatabase } from './sqlite/database.ts';
import { appendEvent, eventsAfter, latestSequence } from './sqlite/events.ts';
import { SqliteRotationRecords } from './sqlite/rotations/records.ts';
import { finishRun, findRun, listRuns, orphanedRuns, startRun } from './sqlite/runs.ts';
import { recordRestore, scheduleProofs } from './sqlite/proofs.ts';
import { recordMissed, scheduleState, setPaused, settle } from './sqlite/schedules.ts';
import { readTotals } from './sqlite/totals.ts';

/**
 * Opens the catalog of a state folder, making folder and catalog where absent. Throws `state_invalid` (damaged, newer,
 * or no catalog), `state_denied`, `state_full`, `state_busy`; every method of the result may throw these as well.
 */
export function openSqliteCatalog(folder: string): Catalog {
  return new SqliteCatalog(StateDatabase.open(folder));
}

/** One method, one transaction; the statements live in `sqlite/`. */
class SqliteCatalog implements Catalog {
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
    this.access = new SqliteAccessRecords(database);
    this.background = new SqliteBackgroundRecords(database);
    this.copies = new SqliteCopyRecords(database);
    this.drills = new SqliteDrillRecords(database);
    this.rotations = new SqliteRotationRecords(database);
    this.load = new SqliteLoadHistory(database);
    this.hostLoads = new SqliteHostLoads(database);
    this.reviews = new SqliteRunReviews(database);
    this.runLogs = new SqliteRunLogs(database);
    this.snapshots = new SqliteSnapshotRecords(database);
  }

  async startRun(run: NewRun): Promise<Run> {
    return startRun(this.#database, run);
  }

  async finishRun(id: string, end: RunEnd): Promise<Run> {
    return finishRun(this.#database, id, end);
  }

  async run(id: string): Promise<Run | undefined> {
    return this.#database.read(() => findRun(this.#database, id));
  }

  async runs(filter: RunFilter): Promise<readonly Run[]> {
    return this.#database.read(() => listRuns(this.#database, filter));
  }

  async orphanedRuns(mine: ReadonlySet<string>): Promise<readonly Run[]> {
    return orphanedRuns(this.#database, mine);
  }

  async adoptBackup(manifest: Manifest, copy: FoundCopy): Promise<void> {
    const [refused] = await this.adoptBackups([{ manifest, copy }]);
    if (refused !== undefined) throw refused;
  }

  async adoptBackups(found: readonly FoundBackup[]): Promise<readonly (LowtideError | undefined)[]> {
    return this.#database.write(() => found.map((each) => adopt(this.#database, each)));
  }

  async backup(id: string): Promise<Backup | undefined> {
    return this.#database.read(() => findBackup(this.#database, id));
  }

  async backups(filter: BackupFilter): Promise<readonly Backup[]> {
    return this.#database.read(() => listBackups(this.#database, filter));
  }

  async recordVerification(id: string, store: string, result: VerificationResult): Promise<void> {
    this.#database.write(() => recordVerification(this.#database, id, store, result));
  }

  async recordRestore(id: string, status: 'completed' | 'failed', at: EpochMs): Promise<void> {
    this.#database.write(() => recordRestore(this.#database, id, status, at));
  }

  async removeCopy(id: string, store: string, reason: string, at: EpochMs): Promise<void> {
    this.#database.write(() => removeCopy(this.#database, id, store, reason, at));
  }

  async schedule(id: string): Promise<ScheduleState> {
    return this.#database.read(() => scheduleState(this.#database, id));
  }

  async setPaused(id: string, paused: boolean): Promise<void> {
    this.#database.write(() => setPaused(this.#database, id, paused));
  }

  async settle(schedule: string, until: EpochMs): Promise<void> {
    this.#database.write(() => settle(this.#database, schedule, until));
  }

  async recordMissed(schedule: string, missed: Missed, at: EpochMs): Promise<void> {
    this.#database.write(() => recordMissed(this.#database, schedule, missed, at));
  }

  async append(event: EventBody, at: EpochMs): Promise<StoredEvent> {
    return this.#database.write(() => appendEvent(this.#database, event, at));
  }

  async eventsAfter(sequence: number, limit: number): Promise<readonly StoredEvent[]> {
    return this.#database.read(() => eventsAfter(this.#database, sequence, limit));
  }

  async latestSequence(): Promise<number> {
    return this.#database.read(() => latestSequence(this.#database));
  }

  async prunedOf(keyId: string): Promise<PrunedBackups> {
    return this.#database.read(() => prunedOf(this.#database, keyId));
  }

  async proofs(): Promise<readonly ScheduleProof[]> {
    return this.#database.read(() => scheduleProofs(this.#database));
  }

  async totals(): Promise<CatalogTotals> {
    return this.#database.read(() => readTotals(this.#database));
  }

  async check(): Promise<readonly string[]> {
    return this.#database.findings();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database[Symbol.dispose]();
  }
}
