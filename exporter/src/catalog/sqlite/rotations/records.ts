import type { EpochMs } from '../../../units/instant.ts';
import type {
  CopyChange,
  CopyOutcome,
  NewRotation,
  NewRotationBackup,
  Rotation,
  RotationBackup,
  RotationBackupEnd,
  RotationBackupFilter,
  RotationCount,
  RotationEnd,
  RotationFilter,
  RotationRecords,
} from '../../rotations.ts';
import type { StateDatabase } from '../database.ts';
import {
  addBackups,
  finishRotation,
  interruptOrphans,
  requestCancel,
  resumeRotation,
  startRotation,
} from './life.ts';
import { findRotation, listRotationBackups, listRotations } from './read.ts';
import { beginChanges, settleBackups, settleCopy, unsettledCopies } from './settle.ts';

/** One method, one transaction. */
export class SqliteRotationRecords implements RotationRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  start(rotation: NewRotation): Rotation {
    return this.#database.write(() => startRotation(this.#database, rotation));
  }

  resume(id: string, at: EpochMs): Rotation {
    return this.#database.write(() => resumeRotation(this.#database, id, at));
  }

  add(id: string, backups: readonly NewRotationBackup[]): void {
    this.#database.write(() => addBackups(this.#database, id, backups));
  }

  leaveOut(id: string, { backups, bytes }: RotationCount): void {
    this.#database.write(() =>
      this.#database.run(
        'UPDATE rotations SET left_backups = ?, left_bytes = ? WHERE id = ?',
        backups,
        bytes,
        id,
      ),
    );
  }

  setKey(id: string, keyId: string): void {
    this.#database.write(() => this.#database.run('UPDATE rotations SET key_id = ? WHERE id = ?', keyId, id));
  }

  finish(id: string, end: RotationEnd): Rotation {
    return this.#database.write(() => finishRotation(this.#database, id, end));
  }

  requestCancel(id: string): Rotation {
    return this.#database.write(() => requestCancel(this.#database, id));
  }

  interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): readonly Rotation[] {
    return this.#database.write(() => interruptOrphans(this.#database, mine, at));
  }

  rotation(id: string): Rotation | undefined {
    return this.#database.read(() => findRotation(this.#database, id));
  }

  list(filter: RotationFilter): readonly Rotation[] {
    return this.#database.read(() => listRotations(this.#database, filter));
  }

  backups(id: string, filter: RotationBackupFilter): readonly RotationBackup[] {
    return this.#database.read(() => listRotationBackups(this.#database, id, filter));
  }

  begin(changes: readonly CopyChange[]): readonly boolean[] {
    return this.#database.write(() => beginChanges(this.#database, changes));
  }

  settle(id: string, ends: readonly RotationBackupEnd[], at: EpochMs): void {
    this.#database.write(() => settleBackups(this.#database, id, ends, at));
  }

  settleCopy(backupId: string, store: string, outcome: CopyOutcome): void {
    this.#database.write(() => settleCopy(this.#database, backupId, store, outcome));
  }

  unsettled(): readonly CopyChange[] {
    return this.#database.read(() => unsettledCopies(this.#database));
  }
}
