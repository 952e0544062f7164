import { LowtideError, systemErrorCode } from '../../errors/lowtide-error.ts';

/** Result codes of sqlite.org/rescode.html: the low byte is the primary code. */
const primary = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
};

/** The shared-memory file beside the WAL could not be enlarged: how a full disk shows before the first write. */
const ioErrorShmSize = 4874;

const rebuildHint =
  'Run `lowtide catalog rebuild`: it sets the damaged file aside and reads what lies in the stores.';

/** The primary result code of an error from node:sqlite, or undefined for any other error. */
function resultCode(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number'
    ? thrown.errcode
    : undefined;
}

/** True where another connection holds the lock that was asked for. */
export function isBusy(thrown: unknown): boolean {
  const code = resultCode(thrown);
  return code !== undefined && ((code & 0xff) === primary.busy || (code & 0xff) === primary.locked);
}

/** True where the file itself is of no use. */
export function isDamage(thrown: unknown): boolean {
  const code = (resultCode(thrown) ?? 0) & 0xff;
  return code === primary.corrupt || code === primary.notADatabase;
}

/** What SQLite or the file system said about the state at `path`, in Lowtide's words. LowtideErrors pass unchanged. */
export function stateRefusal(thrown: unknown, path: string): LowtideError {
  if (thrown instanceof LowtideError) return thrown;
  const cause = thrown;
  const code = resultCode(thrown);
  if (code === undefined) return fileSystemRefusal(thrown, path);
  if (code === ioErrorShmSize) return full(path, cause);
  switch (code & 0xff) {
    case primary.busy:
    case primary.locked:
      return new LowtideError('state_busy', `${path} is in use by another process`, {
        hint: 'Another process has been writing for long. Try again.',
        retryable: true,
        cause,
      });
    case primary.full:
      return full(path, cause);
    case primary.readonly:
    case primary.cantOpen:
      return denied(path, cause);
    case primary.corrupt:
    case primary.notADatabase:
      return damaged(path, cause);
    case primary.ioError:
      return new LowtideError('state_invalid', `cannot read or write ${path}: ${messageOf(cause)}`, {
        hint: 'The file system below it reports an error: look at the disk, the mount and the kernel log.',
        cause,
      });
    default:
      return new LowtideError('internal', `${path}: ${messageOf(cause)}`, { cause });
  }
}

function fileSystemRefusal(thrown: unknown, path: string): LowtideError {
  switch (systemErrorCode(thrown)) {
    // Node reports a folder that a read-only mount would not let it make as ENOENT.
    case 'ENOENT':
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return denied(path, thrown);
    case 'ENOSPC':
    case 'EDQUOT':
      return full(path, thrown);
    case undefined:
    default:
      return LowtideError.from(thrown);
  }
}

export function damaged(path: string, cause?: unknown): LowtideError {
  return new LowtideError('state_invalid', `the catalog ${path} is damaged`, { hint: rebuildHint, cause });
}

function full(path: string, cause: unknown): LowtideError {
  return new LowtideError('state_full', `no room left on the disk for ${path}`, {
    hint: 'Free some space; the catalog itself is whole.',
    cause,
  });
}

function denied(path: string, cause: unknown): LowtideError {
  return new LowtideError('state_denied', `cannot write ${path}: ${messageOf(cause)}`, {
    hint: 'The state folder must be a folder that the user Lowtide runs as may write, on a writable mount.',
    cause,
  });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
