import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { FileLock } from './file-lock.ts';
import { stateRefusal } from './sqlite/refusal.ts';

/**
 * Who is alive among those who share a state folder. Every open catalog is an owner: it holds the lock on
 * `owners/ID.lock` for its life, and its runs carry its id. No lock, or no file, means the owner is gone: it closed,
 * was killed, or the power went. Two processes that both want to *serve* are kept apart by `service.lock`.
 */
const suffix = '.lock';
/** Askers hold a lock they look at for microseconds; only a real holder keeps it this long. */
const briefMs = 250;

export class Owner implements Disposable {
  readonly id: string;
  readonly #folder: string;
  readonly #lock: FileLock;

  private constructor(folder: string, id: string, lock: FileLock) {
    this.id = id;
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Becomes an owner, and removes the lock files of those that are gone. The caller sees to it that only one process
   * does this at a time: a lock file made but not yet locked looks like that of a dead owner.
   */
  static enter(stateFolder: string): Owner {
    const folder = ownersFolder(stateFolder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeLeftLocks(folder);
    const id = randomUUID();
    const path = lockPath(folder, id);
    const lock = FileLock.take(path, briefMs);
    if (lock === undefined)
      throw new LowtideError('internal', `somebody else has locked the new file ${path}`);
    return new Owner(folder, id, lock);
  }

  /** Whether the owner with this id still lives; it may be this one. */
  isAlive(id: string): boolean {
    return id === this.id || FileLock.isHeld(lockPath(this.#folder, id));
  }

  /** Leaves: runs of this owner that are still running are orphans from now on. */
  [Symbol.dispose](): void {
    rmSync(this.#lock.path, { force: true });
    this.#lock[Symbol.dispose]();
  }
}

/** Whether any process has the catalog of this state folder open. */
export function hasLiveOwner(stateFolder: string): boolean {
  const folder = ownersFolder(stateFolder);
  return lockFiles(folder).some((name) => FileLock.isHeld(join(folder, name)));
}

/** Whether the owner with this id, of this state folder, still lives. */
export function isOwnerAlive(stateFolder: string, id: string): boolean {
  return FileLock.isHeld(lockPath(ownersFolder(stateFolder), id));
}

function removeLeftLocks(folder: string): void {
  for (const name of lockFiles(folder)) {
    const left = FileLock.take(join(folder, name), 0);
    if (left === undefined) continue;
    rmSync(left.path, { force: true });
    left[Symbol.dispose]();
  }
}

function ownersFolder(stateFolder: string): string {
  return join(stateFolder, 'owners');
}

function lockPath(folder: string, id: string): string {
  return join(folder, `${id}${suffix}`);
}

function lockFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(suffix));
  } catch {
    return [];
  }
}

/** What the holder of `service.lock` writes beside it, for the message to the one who is refused. */
const holderSchema = z.object({ pid: z.int().positive(), host: z.string() });

/**
 * Makes this process the only service on the state folder (which exists) until the result is disposed or the process
 * ends, however it ends. Throws `state_busy`, naming the holder where that is known.
 */
export function acquireServiceLock(stateFolder: string, pid: number = process.pid): Disposable {
  const path = join(stateFolder, 'service.lock');
  const holderPath = join(stateFolder, 'service.json');
  let lock: FileLock | undefined;
  try {
    lock = FileLock.take(path, briefMs);
    if (lock === undefined) throw serviceBusy(stateFolder, holderPath);
    writeFileSync(`${holderPath}.partial`, `${JSON.stringify({ pid, host: hostname() })}\n`, { mode: 0o600 });
    renameSync(`${holderPath}.partial`, holderPath);
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw stateRefusal(error, path);
  }
  const held = lock;
  return {
    [Symbol.dispose]: () => {
      rmSync(holderPath, { force: true });
      held[Symbol.dispose]();
    },
  };
}

function serviceBusy(stateFolder: string, holderPath: string): LowtideError {
  const holder = readHolder(holderPath);
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return new LowtideError('state_busy', `${who} already serves ${stateFolder}`, {
    hint: 'Stop that one first, or give this one a state folder of its own (`state:` in lowtide.yaml).',
  });
}

function readHolder(path: string): z.output<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
