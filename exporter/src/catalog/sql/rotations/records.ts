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
import type { StateDatabase } from '../transaction.ts';
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
export class SqlRotationRecords implements RotationRecords {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async start(rotation: NewRotation): Promise<Rotation> {
    return await this.#database.write((tx) => startRotation(tx, rotation));
  }

  async resume(id: string, at: EpochMs): Promise<Rotation> {
    return await this.#database.write((tx) => resumeRotation(tx, id, at));
  }

  async add(id: string, backups: readonly NewRotationBackup[]): Promise<void> {
    await this.#database.write((tx) => addBackups(tx, id, backups));
  }

  async leaveOut(id: string, { backups, bytes }: RotationCount): Promise<void> {
    await this.#database.write((tx) =>
      tx.run('UPDATE rotations SET left_backups = ?, left_bytes = ? WHERE id = ?', backups, bytes, id),
    );
  }

  async setKey(id: string, keyId: string): Promise<void> {
    await this.#database.write((tx) => tx.run('UPDATE rotations SET key_id = ? WHERE id = ?', keyId, id));
  }

  async finish(id: string, end: RotationEnd): Promise<Rotation> {
    return await this.#database.write((tx) => finishRotation(tx, id, end));
  }

  async requestCancel(id: string): Promise<Rotation> {
    return await this.#database.write((tx) => requestCancel(tx, id));
  }

  async interruptOrphans(mine: ReadonlySet<string>, at: EpochMs): Promise<readonly Rotation[]> {
    return await this.#database.write((tx) => interruptOrphans(tx, mine, at));
  }

  async rotation(id: string): Promise<Rotation | undefined> {
    return await this.#database.read((tx) => findRotation(tx, id));
  }

  async list(filter: RotationFilter): Promise<readonly Rotation[]> {
    return await this.#database.read((tx) => listRotations(tx, filter));
  }

  async backups(id: string, filter: RotationBackupFilter): Promise<readonly RotationBackup[]> {
    return await this.#database.read((tx) => listRotationBackups(tx, id, filter));
  }

  async begin(changes: readonly CopyChange[]): Promise<readonly boolean[]> {
    return await this.#database.write((tx) => beginChanges(tx, changes));
  }

  async settle(id: string, ends: readonly RotationBackupEnd[], at: EpochMs): Promise<void> {
    await this.#database.write((tx) => settleBackups(tx, id, ends, at));
  }

  async settleCopy(backupId: string, store: string, outcome: CopyOutcome): Promise<void> {
    await this.#database.write((tx) => settleCopy(tx, backupId, store, outcome));
  }

  async unsettled(): Promise<readonly CopyChange[]> {
    return await this.#database.read((tx) => unsettledCopies(tx));
  }
}
