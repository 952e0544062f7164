import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { syncFolder } from '../../store/durable-file.ts';
import { checkIntegrity } from '../verify/sqlite.ts';
import { immutableUrl, sqliteCode } from '../verify/sqlite-file.ts';
import { besides } from './place.ts';

/**
 * What SQLite keeps beside a database: a log or journal whose pages it applies to whatever file has the database's name when
 * it is opened next. A new image must therefore never meet those of an old one.
 */
const sidecarSuffixes = ['-journal', '-wal', '-shm'];

/** 8 MiB of default pages a step: an abort is heard between two steps. */
const pagesPerStep = 2048;
const retryEveryMs = 100;
const patienceMs = 30_000;

/**
 * Puts the image into an existing database by SQLite's online backup: one transaction of that database, which readers see
 * before or after, and which its journal takes back when it is cut off. Resolves to false, with nothing done, for a file
 * that is no database any more. Throws `verification_failed` for an image that is damaged, `restore_failed`.
 */
export async function replaceDatabase(image: string, path: string, signal: AbortSignal): Promise<boolean> {
  await checkIntegrity(image, signal);
  using source = new DatabaseSync(immutableUrl(image), { readOnly: true });
  let leftWalMode = false;
  for (let attempts = patienceMs / retryEveryMs; ; attempts -= 1) {
    signal.throwIfAborted();
    try {
      await backup(source, path, { rate: pagesPerStep, progress: () => signal.throwIfAborted() });
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      let kind = kindOf(thrown);
      if (kind === 'no_database') return false;
      if (kind === 'read_only' && !leftWalMode) {
        leftWalMode = leaveWalMode(path);
        if (leftWalMode) continue;
        kind = 'busy';
      }
      if (kind !== 'busy' || attempts <= 1) throw refusal(path, thrown, kind);
    }
    // Not SQLite's own busy timeout, which would hold the event loop while it waits.
    await sleep(retryEveryMs, undefined, { signal });
  }
}

type Kind = 'busy' | 'no_database' | 'read_only' | 'full' | 'other';

/** By primary result code. Node reports a target that is locked as code 0, "not an error". */
const kinds: ReadonlyMap<number, Kind> = new Map([
  [0, 'busy'],
  [5, 'busy'],
  [6, 'busy'],
  [8, 'read_only'],
  [11, 'no_database'],
  [13, 'full'],
  [26, 'no_database'],
]);

function kindOf(thrown: unknown): Kind {
  return kinds.get((sqliteCode(thrown) ?? -1) & 0xff) ?? 'other';
}

/**
 * A database in WAL mode takes no image with pages of another size; out of that mode it does. Its data stays as it is.
 * Returns false while others have it open.
 */
function leaveWalMode(path: string): boolean {
  try {
    using database = new DatabaseSync(path, { timeout: 0 });
    database.exec('PRAGMA journal_mode = DELETE');
    return true;
  } catch (thrown) {
    if (kindOf(thrown) === 'busy') return false;
    throw refusal(path, thrown, kindOf(thrown));
  }
}

const refusals: Readonly<Record<Exclude<Kind, 'other' | 'no_database'>, { what: string; hint: string }>> = {
  busy: {
    what: 'stays locked by another process',
    hint: 'Stop the application that uses the database, then restore again.',
  },
  read_only: { what: 'cannot be written to', hint: 'Restore as the user that owns the database.' },
  full: {
    what: 'has no room to grow',
    hint: 'Make room on its disk: the journal of the old pages lies there as well.',
  },
};

function refusal(path: string, thrown: unknown, kind: Kind): LowtideError {
  const says = thrown instanceof Error ? thrown.message : String(thrown);
  const known = kind === 'other' || kind === 'no_database' ? undefined : refusals[kind];
  return new LowtideError(
    'restore_failed',
    `${path} ${known?.what ?? `cannot be restored into: SQLite says ${says}`}`,
    {
      ...(known !== undefined && { hint: known.hint }),
      cause: thrown,
    },
  );
}

/** Where no database is, its sidecars should not be either. */
export async function refuseSidecars(path: string): Promise<void> {
  const [left] = await sidecarsOf(path);
  if (left === undefined) return;
  throw new LowtideError('restore_target_exists', `${left} was left by a database that is gone`, {
    hint: 'SQLite would mix it into the restored one: move it away, or give --force to have it removed.',
  });
}

/** Moves the sidecars of a file that is about to be replaced, until it is known how that ends. */
export async function moveSidecarsAside(path: string): Promise<{
  putBack(): Promise<void>;
  remove(): Promise<void>;
}> {
  const moved: { readonly from: string; readonly to: string }[] = [];
  for (const from of await sidecarsOf(path)) {
    const to = besides(from, '.replaced');
    await rename(from, to);
    moved.push({ from, to });
  }
  await syncFolder(dirname(path));
  return {
    async putBack() {
      for (const { from, to } of moved) await rename(to, from);
    },
    async remove() {
      for (const { to } of moved) await rm(to, { force: true });
    },
  };
}

async function sidecarsOf(path: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const suffix of sidecarSuffixes) {
    const there = await stat(`${path}${suffix}`).catch(() => undefined);
    if (there !== undefined) found.push(`${path}${suffix}`);
  }
  return found;
}
