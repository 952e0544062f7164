import { systemErrorCode } from '../../errors/lowtide-error.ts';
import type { ReplacedObject, Skipped, SkipReason } from '../resealing.ts';
import type { Disk, ExistingFile } from './disk.ts';

/** A file that may be changed, open until somebody closes it. */
export interface OpenedObject {
  readonly file: ExistingFile;
  readonly path: string;
  readonly atime: Date;
  readonly mtime: Date;
  readonly mode: number;
  readonly nlink: number;
}

/** Opens a file to be changed where it lies, or says why it must not be. What else goes wrong is thrown. */
export function openForChange(disk: Disk, path: string): OpenedObject | { readonly skipped: Skipped } {
  let file: ExistingFile;
  try {
    file = disk.openFile(path);
  } catch (thrown) {
    const reason = reasonOf.get(systemErrorCode(thrown) ?? '');
    if (reason === undefined) throw thrown;
    return skip(reason, path);
  }
  const opened = withFacts(file, path);
  const reason = protectionOf(opened);
  if (reason === undefined) return opened;
  file.close();
  return skip(reason, path);
}

/** Opens a file whose change has begun, which nothing protects any more; undefined where there is none. */
export function openBegun(disk: Disk, path: string): OpenedObject | undefined {
  try {
    return withFacts(disk.openFile(path), path);
  } catch (thrown) {
    if (reasonOf.get(systemErrorCode(thrown) ?? '') === 'missing') return undefined;
    throw thrown;
  }
}

function withFacts(file: ExistingFile, path: string): OpenedObject {
  try {
    const { atime, mtime, mode, nlink } = file.stat();
    return { file, path, atime, mtime, mode, nlink };
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

function protectionOf({ mode, nlink }: OpenedObject): FileSkip | undefined {
  // Root may write what its owner has made read-only: it was meant nevertheless.
  if ((mode & 0o200) === 0) return 'read_only';
  if (nlink > 1) return 'linked';
  return nlink === 0 ? 'missing' : undefined;
}

/** Whether the file begins with what the caller knows of it. */
export function hasHead({ file }: OpenedObject, head: Uint8Array): boolean {
  return Buffer.compare(head, file.readHead(head.length)) === 0;
}

/** Writes the new head in the place of the old, which is as long; the file's times stay. */
export async function overwrite(
  { file, path, atime, mtime }: OpenedObject,
  { newHead }: Pick<ReplacedObject, 'newHead'>,
): Promise<void> {
  await file.overwriteHead(newHead);
  file.utimes(atime, mtime);
  await file.datasync();
  if (Buffer.compare(newHead, file.readHead(newHead.length)) !== 0) {
    throw new Error(`${path} does not begin with what was just written there`);
  }
}

/** Whether a write of `newHead` over `oldHead` that was cut off anywhere can have left this. */
export function mayBeTorn(found: Uint8Array, oldHead: Uint8Array, newHead: Uint8Array): boolean {
  return (
    found.length === newHead.length &&
    found.every((byte, index) => byte === oldHead[index] || byte === newHead[index])
  );
}

/** What a file can be; an archive is no file system. */
type FileSkip = Exclude<SkipReason, 'archived'>;

export function skip(reason: FileSkip, path: string): { readonly skipped: Skipped } {
  return { skipped: { reason, message: `${path} ${says[reason]}` } };
}

const says: Readonly<Record<FileSkip, string>> = {
  linked: 'has further names (hard links), which would change as well',
  immutable: 'is immutable (chattr +i or +a)',
  read_only: 'is read-only',
  changed: 'is not what the catalog says',
  missing: 'is gone',
};

const reasonOf: ReadonlyMap<string, FileSkip> = new Map([
  ['ENOENT', 'missing'],
  ['ENOTDIR', 'missing'],
  ['EISDIR', 'missing'],
  ['EPERM', 'immutable'],
  ['EACCES', 'read_only'],
  ['EROFS', 'read_only'],
]);
