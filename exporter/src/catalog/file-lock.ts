import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemErrorCode } from '../errors/lowtide-error.ts';
import { isBusy } from './sqlite/refusal.ts';

/**
 * An exclusive lock on a file, which the kernel releases however the process ends. Node has no flock(2); SQLite takes
 * fcntl(2) locks, so an open exclusive transaction on an empty database file serves as one. The locks belong to the
 * inode, not to a pid: a reused pid means nothing, and containers sharing the folder see each other.
 *
 * fcntl drops all locks of a process on a file when *any* descriptor of the process on it is closed. So a file that may
 * be locked is never opened by node:fs in the process that may hold it; it is created by exclusive creation alone.
 */
export class FileLock implements Disposable {
  readonly path: string;
  readonly #connection: DatabaseSync;

  private constructor(path: string, connection: DatabaseSync) {
    this.path = path;
    this.#connection = connection;
  }

  /** Takes the lock, creating the file (0600), or gives up after `waitMs`, during which the thread stands still. */
  static take(path: string, waitMs: number): FileLock | undefined {
    createPrivate(path);
    const connection = new DatabaseSync(path, { timeout: waitMs });
    try {
      // No journal file: a killed holder would leave it, and asking by a read-only connection could not clear it away.
      connection.exec('PRAGMA journal_mode = MEMORY');
      connection.exec('BEGIN EXCLUSIVE');
      return new FileLock(path, connection);
    } catch (error) {
      connection.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  /** Whether somebody holds the lock. Asks by a shared lock, so that askers do not take each other for the holder. */
  static isHeld(path: string): boolean {
    let connection: DatabaseSync | undefined;
    if (!existsSync(path)) return false;
    try {
      connection = new DatabaseSync(path, { readOnly: true, timeout: 0 });
      connection.prepare('SELECT count(*) FROM sqlite_schema').get();
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      // Its holder, leaving, removed it between the two looks.
      if (!existsSync(path)) return false;
      throw error;
    } finally {
      connection?.close();
    }
  }

  [Symbol.dispose](): void {
    if (this.#connection.isOpen) this.#connection.close();
  }
}

/** Creates an empty file that only its owner may read, unless there is one. */
export function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
}
