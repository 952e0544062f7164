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

  async start(rotation: NewRotation): Promise<Rotation> {
    return this.#database.write(() => startRotation(this.#database, rotation));
  }

  async resume(id: string, at: EpochMs): Promise<Rotation> {
    return this.#database.write(() => resumeRotation(this.#database, id, at));
  }

  async add(id: string, backups: readonly NewRotationBackup[]): Promise<void> {
    this.#database.write(() => addBackups(this.#database, id, backups));
  }

  async leaveOut(id: string, { backups, bytes }: RotationCount): Promise<void> {
    this.#database.write(() =>
      this.#database.run(
        'UPDATE rotations SET left_backups = ?, left_bytes = ? WHERE id = ?',
        backups,
        bytes,
        id,
      ),
    );
  }

  async setKey(id: string, keyId: string): Promise<void> {
    this.#database.write(() => this.#database.run('UPDATE rotations SET key_id = ? WHERE id = ?', keyId, id));
  }

  async finish(id: string, end: RotationEnd): Promise<Rotation> {
    return this.#database.write(() => finishRotation(this.#database, id, end));
  }

  async requestCancel(id: string): Promise<Rotation> {
    return this.#database.write(() => requestCancel(this.#database, id));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Rotation[]> {
    return this.#database.write(() => interruptOrphans(this.#database, mine, at));
  }

  async rotation(id: string): Promise<Rotation | undefined> {
    return this.#database.read(() => findRotation(this.#database, id));
  }

  async list(filter: RotationFilter): Promise<readonly Rotation[]> {
    return this.#database.read(() => listRotations(this.#database, filter));
  }

  async backups(id: string, filter: RotationBackupFilter): Promise<readonly RotationBackup[]> {
    return this.#database.read(() => listRotationBackups(this.#database, id, filter));
  }

  async begin(changes: readonly CopyChange[]): Promise<readonly boolean[]> {
    return this.#database.write(() => beginChanges(this.#database, changes));
  }

  async settle(id: string, ends: readonly RotationBackupEnd[], at: EpochMs): Promise<void> {
    this.#database.write(() => settleBackups(this.#database, id, ends, at));
  }

  async settleCopy(backupId: string, store: string, outcome: CopyOutcome): Promise<void> {
    this.#database.write(() => settleCopy(this.#database, backupId, store, outcome));
  }

  async unsettled(): Promise<readonly CopyChange[]> {
    return this.#database.read(() => unsettledCopies(this.#database));
  }
}
