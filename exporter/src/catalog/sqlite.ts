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

  startRun(run: NewRun): Run {
    return startRun(this.#database, run);
  }

  finishRun(id: string, end: RunEnd): Run {
    return finishRun(this.#database, id, end);
  }

  run(id: string): Run | undefined {
    return this.#database.read(() => findRun(this.#database, id));
  }

  runs(filter: RunFilter): readonly Run[] {
    return this.#database.read(() => listRuns(this.#database, filter));
  }

  orphanedRuns(mine: ReadonlySet<string>): readonly Run[] {
    return orphanedRuns(this.#database, mine);
  }

  adoptBackup(manifest: Manifest, copy: FoundCopy): void {
    const [refused] = this.adoptBackups([{ manifest, copy }]);
    if (refused !== undefined) throw refused;
  }

  adoptBackups(found: readonly FoundBackup[]): readonly (LowtideError | undefined)[] {
    return this.#database.write(() => found.map((each) => adopt(this.#database, each)));
  }

  backup(id: string): Backup | undefined {
    return this.#database.read(() => findBackup(this.#database, id));
  }

  backups(filter: BackupFilter): readonly Backup[] {
    return this.#database.read(() => listBackups(this.#database, filter));
  }

  recordVerification(id: string, store: string, result: VerificationResult): void {
    this.#database.write(() => recordVerification(this.#database, id, store, result));
  }

  recordRestore(id: string, status: 'completed' | 'failed', at: EpochMs): void {
    this.#database.write(() => recordRestore(this.#database, id, status, at));
  }

  removeCopy(id: string, store: string, reason: string, at: EpochMs): void {
    this.#database.write(() => removeCopy(this.#database, id, store, reason, at));
  }

  schedule(id: string): ScheduleState {
    return this.#database.read(() => scheduleState(this.#database, id));
  }

  setPaused(id: string, paused: boolean): void {
    this.#database.write(() => setPaused(this.#database, id, paused));
  }

  settle(schedule: string, until: EpochMs): void {
    this.#database.write(() => settle(this.#database, schedule, until));
  }

  recordMissed(schedule: string, missed: Missed, at: EpochMs): void {
    this.#database.write(() => recordMissed(this.#database, schedule, missed, at));
  }

  append(event: EventBody, at: EpochMs): StoredEvent {
    return this.#database.write(() => appendEvent(this.#database, event, at));
  }

  eventsAfter(sequence: number, limit: number): readonly StoredEvent[] {
    return this.#database.read(() => eventsAfter(this.#database, sequence, limit));
  }

  latestSequence(): number {
    return this.#database.read(() => latestSequence(this.#database));
  }

  prunedOf(keyId: string): PrunedBackups {
    return this.#database.read(() => prunedOf(this.#database, keyId));
  }

  proofs(): readonly ScheduleProof[] {
    return this.#database.read(() => scheduleProofs(this.#database));
  }

  totals(): CatalogTotals {
    return this.#database.read(() => readTotals(this.#database));
  }

  check(): readonly string[] {
    return this.#database.findings();
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }
}
