import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { AddedSchedule } from '../access.ts';
import type { Backup, Run, ScheduleState } from '../catalog.ts';
import { createPrivate, FileLock } from '../file-lock.ts';
import { migrate } from '../migrate.ts';
import { isDamage, stateRefusal } from '../sqlite/refusal.ts';
import type { Carried } from './carried.ts';

const schema = `
CREATE TABLE identity (journal TEXT NOT NULL) STRICT;
CREATE TABLE entries (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  is_unsure INTEGER NOT NULL CHECK (is_unsure IN (0, 1)),
  carried TEXT NOT NULL CHECK (json_valid(carried))
) STRICT;
CREATE TABLE refused (
  id TEXT PRIMARY KEY,
  carried TEXT NOT NULL CHECK (json_valid(carried)),
  error TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE schedules (id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (json_valid(state))) STRICT, WITHOUT ROWID;
CREATE TABLE added_schedules (body TEXT NOT NULL CHECK (json_valid(body))) STRICT;
CREATE TABLE runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  is_running INTEGER NOT NULL CHECK (is_running IN (0, 1)),
  run TEXT NOT NULL CHECK (json_valid(run))
) STRICT;
CREATE TABLE backups (id TEXT PRIMARY KEY, backup TEXT NOT NULL CHECK (json_valid(backup))) STRICT, WITHOUT ROWID;
`;

export interface Entry {
  readonly id: string;
  /** It may have been done when it was first asked for. */
  readonly isUnsure: boolean;
  readonly carried: Carried;
}

/**
 * What a host must know, and must not forget, while its catalog is away: the file `stand-in.db`. One process has it open; what
 * is written has no await in it. Every method throws `state_invalid`, `state_denied`, `state_full`.
 */
export class Journal implements Disposable {
  /** Whose entries these are: another one where the file was lost and made anew. */
  readonly id: string;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #lock: FileLock;

  private constructor(path: string, database: DatabaseSync, lock: FileLock) {
    this.#path = path;
    this.#database = database;
    this.#lock = lock;
    this.id = this.#identity();
  }

  /** `folder` is made where absent. Throws `state_busy` while another process has it open. */
  static open(folder: string): Journal {
    const path = join(folder, 'stand-in.db');
    let lock: FileLock | undefined;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      lock = FileLock.take(join(folder, 'stand-in.lock'), briefMs);
      if (lock === undefined)
        throw new LowtideError('state_busy', `another process serves with ${folder} already`, {
          hint: 'Stop that one first, or give this one a folder of its own (`local:` in lowtide.yaml).',
        });
      createPrivate(path);
      const database = new DatabaseSync(path);
      try {
        database.exec('PRAGMA journal_mode = WAL');
        // On macOS a plain fsync does not reach the platter; elsewhere this changes nothing.
        database.exec('PRAGMA fullfsync = ON');
        migrate(database, [schema], path);
        return new Journal(path, database, lock);
      } catch (error) {
        database.close();
        throw error;
      }
    } catch (error) {
      lock?.[Symbol.dispose]();
      throw refusal(error, path);
    }
  }

  /** Keeps `carried` for later, together with what `work` changes here: durable once this returns. */
  note<T>(carried: Carried, isUnsure: boolean, work: () => T): T {
    return this.#inTransaction('FULL', () => {
      const result = work();
      this.#database
        .prepare('INSERT INTO entries (id, is_unsure, carried) VALUES (?, ?, ?)')
        .run(randomUUID(), isUnsure ? 1 : 0, JSON.stringify(carried));
      return result;
    });
  }

  /**
   * For what the catalog knows as well: it survives the end of this process, and a power cut takes the last moments of it.
   */
  mirror(work: () => void): void {
    this.#inTransaction('NORMAL', work);
  }

  get size(): number {
    return Number(this.#asked('SELECT count(*) AS entries FROM entries')['entries']);
  }

  /** What can never be delivered. */
  get refused(): number {
    return Number(this.#asked('SELECT count(*) AS refused FROM refused')['refused']);
  }

  /** What was noted first comes first. */
  next(limit: number): readonly Entry[] {
    return this.#guarded(() =>
      this.#database
        .prepare('SELECT id, is_unsure, carried FROM entries ORDER BY number LIMIT ?')
        .all(limit)
        .map(({ id, is_unsure: isUnsure, carried }) => ({
          id: String(id),
          isUnsure: isUnsure === 1,
          carried: JSON.parse(String(carried)) as Carried,
        })),
    );
  }

  /** They have arrived. */
  remove(entries: readonly Entry[]): void {
    this.#inTransaction('FULL', () => {
      for (const { id } of entries) this.#database.prepare('DELETE FROM entries WHERE id = ?').run(id);
    });
  }

  /** It can never arrive: kept for a person to look at. */
  setAside({ id }: Entry, error: string): void {
    this.#inTransaction('FULL', () => {
      this.#database
        .prepare('INSERT INTO refused (id, carried, error) SELECT id, carried, ? FROM entries WHERE id = ?')
        .run(error, id);
      this.#database.prepare('DELETE FROM entries WHERE id = ?').run(id);
    });
  }

  /** All that was noted has arrived: what has ended is asked of the catalog again. */
  forgetEnded(): void {
    this.#inTransaction('NORMAL', () => {
      this.#database.exec('DELETE FROM runs WHERE is_running = 0');
      this.#database.exec('DELETE FROM backups');
    });
  }

  /** As it was last read; of one that is not known, that of a new one. */
  scheduleState(id: string): ScheduleState {
    const state = this.#scheduleText(id);
    return state === undefined ? { paused: false } : (JSON.parse(state) as ScheduleState);
  }

  scheduleStates(): ReadonlyMap<string, ScheduleState> {
    const rows = this.#database.prepare('SELECT id, state FROM schedules').all();
    return new Map(rows.map(({ id, state }) => [String(id), JSON.parse(String(state)) as ScheduleState]));
  }

  hasScheduleState(id: string, state: ScheduleState): boolean {
    return this.#scheduleText(id) === JSON.stringify(state);
  }

  /** Inside of `note` or `mirror`. */
  setScheduleState(id: string, state: ScheduleState): void {
    this.#database
      .prepare(
        'INSERT INTO schedules (id, state) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state',
      )
      .run(id, JSON.stringify(state));
  }

  run(id: string): Run | undefined {
    const row = this.#asked('SELECT (SELECT run FROM runs WHERE id = ?) AS run', id)['run'];
    return typeof row === 'string' ? (JSON.parse(row) as Run) : undefined;
  }

  /** The one begun last comes first. */
  runs(): readonly Run[] {
    return this.#guarded(() =>
      this.#database
        .prepare('SELECT run FROM runs ORDER BY number DESC')
        .all()
        .map(({ run }) => JSON.parse(String(run)) as Run),
    );
  }

  /** Inside of `note` or `mirror`. */
  setRun(run: Run): void {
    this.#database
      .prepare(
        `INSERT INTO runs (id, is_running, run) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET is_running = excluded.is_running, run = excluded.run`,
      )
      .run(run.id, run.status === 'running' ? 1 : 0, JSON.stringify(run));
  }

  /** Inside of `mirror`. */
  forgetRun(id: string): void {
    this.#database.prepare('DELETE FROM runs WHERE id = ?').run(id);
  }

  backup(id: string): Backup | undefined {
    const row = this.#asked('SELECT (SELECT backup FROM backups WHERE id = ?) AS backup', id)['backup'];
    return typeof row === 'string' ? (JSON.parse(row) as Backup) : undefined;
  }

  /** Inside of `note`. */
  setBackup(backup: Backup): void {
    this.#database
      .prepare('INSERT INTO backups (id, backup) VALUES (?, ?) ON CONFLICT (id) DO NOTHING')
      .run(backup.id, JSON.stringify(backup));
  }

  /** As they were last read; undefined where they never were: this host has not been connected yet. */
  get addedSchedules(): readonly AddedSchedule[] | undefined {
    const { body } = this.#asked('SELECT (SELECT body FROM added_schedules) AS body');
    return typeof body === 'string' ? (JSON.parse(body) as AddedSchedule[]) : undefined;
  }

  /** Inside of `mirror`. */
  setAddedSchedules(added: readonly AddedSchedule[]): void {
    this.#database.exec('DELETE FROM added_schedules');
    this.#database.prepare('INSERT INTO added_schedules (body) VALUES (?)').run(JSON.stringify(added));
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
    this.#lock[Symbol.dispose]();
  }

  #identity(): string {
    const known = this.#database.prepare('SELECT journal FROM identity').get();
    if (known !== undefined) return String(known['journal']);
    const made = randomUUID();
    this.#database.prepare('INSERT INTO identity (journal) VALUES (?)').run(made);
    return made;
  }

  #scheduleText(id: string): string | undefined {
    const { state } = this.#asked('SELECT (SELECT state FROM schedules WHERE id = ?) AS state', id);
    return typeof state === 'string' ? state : undefined;
  }

  #asked(sql: string, ...values: readonly string[]): Record<string, unknown> {
    return this.#guarded(() => this.#database.prepare(sql).get(...values) ?? {});
  }

  #inTransaction<T>(synchronous: 'FULL' | 'NORMAL', work: () => T): T {
    return this.#guarded(() => {
      this.#database.exec(`PRAGMA synchronous = ${synchronous}`);
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        // A full disk rolls back by itself; a second rollback would hide why.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw refusal(error, this.#path);
    }
  }
}

const briefMs = 250;

function refusal(thrown: unknown, path: string): LowtideError {
  if (!isDamage(thrown)) return stateRefusal(thrown, path);
  return new LowtideError('state_invalid', `${path} is damaged`, {
    hint: 'Move it away: the catalog is whole, and `lowtide catalog rebuild` finds the backups that were made while it was away.',
    cause: thrown,
  });
}
