import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../errors/codes.ts';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import type { Dump, Source, SourceContext } from './source.ts';

export interface SqliteSourceOptions {
  /** The database file. */
  readonly path: string;
  /** How long a database that somebody locks exclusively is asked again. Default: 30 s. */
  readonly lockPatienceMs?: number;
}

/** 8 MiB of default pages a step: an abort is heard between two steps. */
const pagesPerStep = 2048;
const retryEveryMs = 10;

/**
 * A SQLite database file, copied by SQLite's online backup. One read transaction is held over the whole copy: it
 * shows a single moment however busy the writers are, and never starts anew when they write (as the backup does
 * without it). In WAL mode nobody waits for it; with a rollback journal writers do, for as long as the copy takes.
 */
export function sqliteSource(options: SqliteSourceOptions): Source {
  const { path } = options;
  const attempts = Math.max(1, Math.ceil((options.lockPatienceMs ?? 30_000) / retryEveryMs));
  return {
    type: 'sqlite',
    kind: 'database',
    label: path,
    async check({ signal }) {
      using database = await openSnapshot(path, attempts, signal);
      refuseEmpty(path, database);
    },
    async prepare(context) {
      return prepare(path, attempts, context);
    },
  };
}

async function prepare(path: string, attempts: number, { scratch, signal }: SourceContext): Promise<Dump> {
  using database = await openSnapshot(path, attempts, signal);
  refuseEmpty(path, database);
  const file = join(scratch, 'database.sqlite');
  try {
    await backup(database, file, { rate: pagesPerStep, progress: () => signal.throwIfAborted() });
  } catch (thrown) {
    signal.throwIfAborted();
    throw sqliteError(path, thrown);
  }
  signal.throwIfAborted();
  return {
    parts: [{ role: 'main', format: 'sqlite', input: { file } }],
    tools: { sqlite: process.versions['sqlite'] ?? 'unknown' },
  };
}

/** Opens the database for reading, inside a read transaction. Never makes a file that is not there. */
async function openSnapshot(path: string, attempts: number, signal: AbortSignal): Promise<DatabaseSync> {
  await refuseOtherThanFile(path);
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return beginRead(path);
    } catch (thrown) {
      if (attempt >= attempts || !isBusy(thrown)) throw sqliteError(path, thrown);
    }
    // Not SQLite's own busy timeout, which would hold the event loop while it waits.
    await sleep(retryEveryMs, undefined, { signal });
  }
}

function beginRead(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    // BEGIN alone takes no lock; the first read does.
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

async function refuseOtherThanFile(path: string): Promise<void> {
  try {
    const found = await stat(path);
    if (!found.isFile()) {
      throw new LowtideError(
        'source_unreachable',
        `${path} is ${found.isDirectory() ? 'a folder' : 'no file'}`,
        {
          hint: 'Give the path of the SQLite database file itself.',
        },
      );
    }
    await access(path, constants.R_OK);
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new LowtideError('source_unreachable', `there is no database file ${path}`, {
        hint: "Check the source's path; Lowtide never creates it.",
        cause: thrown,
      });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new LowtideError('source_unreadable', `no permission to read ${path}`, {
        hint: 'Let the user that Lowtide runs as read the file and enter its folder.',
        cause: thrown,
      });
    }
    throw thrown;
  }
}

function refuseEmpty(path: string, database: DatabaseSync): void {
  const pages = Object.values(database.prepare('PRAGMA page_count').get() ?? {})[0];
  if (pages === 0) {
    throw new LowtideError('source_empty', `${path} is an empty file, not a database yet`, {
      hint: 'Let the application create its tables first, or check the path.',
    });
  }
}

interface SqliteTrouble {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
  readonly retryable?: boolean;
}

const lockedByOther: SqliteTrouble = {
  code: 'source_unreachable',
  what: 'stays locked by another process',
  hint: 'Something holds an exclusive lock on it; WAL mode (PRAGMA journal_mode=WAL) lets readers in meanwhile.',
  retryable: true,
};
const noDatabase: SqliteTrouble = {
  code: 'source_failed',
  what: 'cannot be read as a SQLite database',
  hint: 'It is something else, is encrypted, or is damaged: try PRAGMA integrity_check with sqlite3.',
};

/** By primary result code (sqlite.org/rescode.html). */
const troubles: ReadonlyMap<number | undefined, SqliteTrouble> = new Map([
  [5, lockedByOther],
  [6, lockedByOther],
  [
    8,
    {
      code: 'source_failed',
      what: 'was left in the middle of a write',
      hint: 'Open it once with its application or with sqlite3, which rolls that write back.',
    },
  ],
  [11, noDatabase],
  [
    13,
    {
      code: 'source_failed',
      what: 'does not fit into the scratch folder',
      hint: 'The scratch folder must have room for a whole copy of the database.',
    },
  ],
  [
    14,
    {
      code: 'source_failed',
      what: 'cannot be opened, or its copy in the scratch folder cannot',
      hint: 'A database in WAL mode needs a folder that can be written to, as long as nobody else has it open.',
    },
  ],
  [26, noDatabase],
]);

function sqliteError(path: string, thrown: unknown): LowtideError {
  const says = thrown instanceof Error ? thrown.message : String(thrown);
  const trouble = troubles.get(resultCode(thrown));
  if (!trouble) return new LowtideError('source_failed', `${path}: ${says}`, { cause: thrown });
  return new LowtideError(trouble.code, `${path} ${trouble.what} (${says})`, {
    hint: trouble.hint,
    retryable: trouble.retryable ?? false,
    cause: thrown,
  });
}

function isBusy(thrown: unknown): boolean {
  return troubles.get(resultCode(thrown)) === lockedByOther;
}

/** `errcode` may be an extended code, whose low byte is the primary one. */
function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number')
    return undefined;
  return thrown.errcode & 0xff;
}
