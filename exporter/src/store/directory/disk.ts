import {
  closeSync,
  fdatasync,
  fstatSync,
  futimesSync,
  openSync,
  readSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { link, mkdir, open, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { syncFolder } from '../durable-file.ts';

/** The steps that change the disk, one at a time, so that tests can stop or fail between any two of them. */
export interface Disk {
  /** Makes the folder (0700) and those above it; returns the topmost one that was new. */
  makeFolder(path: string): Promise<string | undefined>;
  /** A new file of mode 0600; refuses to take the place of another. */
  createFile(path: string): Promise<NewFile>;
  /** Gives a file a second name, which nothing may bear yet. */
  link(path: string, name: string): Promise<void>;
  /** Gives a file another name, in place of the file that bore it. */
  rename(path: string, name: string): Promise<void>;
  /** An absent file is fine. */
  removeFile(path: string): Promise<void>;
  /** Only an empty one. */
  removeFolder(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  /** A file that is there, to be changed where it lies; `r`: only to be looked at. */
  openFile(path: string, flags?: 'r'): ExistingFile;
}

/** A file whose beginning is to be changed. */
export interface ExistingFile {
  stat(): Stats;
  /** As many bytes from its beginning as there are. */
  readHead(length: number): Uint8Array;
  /** Writes over its beginning. */
  overwriteHead(bytes: Uint8Array): Promise<void>;
  utimes(atime: Date, mtime: Date): void;
  datasync(): Promise<void>;
  close(): void;
}

/** A file that is being written; a `FileHandle` is one. */
export interface NewFile {
  /** Appends all of the bytes. */
  writeFile(bytes: Uint8Array): Promise<void>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  stat(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  /** For threads that write at places of their own. */
  readonly fd: number;
  close(): Promise<void>;
}

export const nodeDisk: Disk = {
  makeFolder,
  createFile: (path) => open(path, 'wx+', 0o600),
  link,
  rename,
  async removeFile(path) {
    try {
      await unlink(path);
    } catch (thrown) {
      if (systemErrorCode(thrown) !== 'ENOENT') throw thrown;
    }
  },
  removeFolder: (path) => rmdir(path),
  syncFolder,
  openFile: (path, flags) => new OpenedFile(openSync(path, flags ?? 'r+')),
};

/**
 * Only the flush is waited for: the others take microseconds on a file that was just read, and a detour through the thread
 * pool ten times that.
 */
class OpenedFile implements ExistingFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  stat(): Stats {
    return fstatSync(this.#fd);
  }

  readHead(length: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.#fd, bytes, read, length - read, read);
      if (count === 0) break;
      read += count;
    }
    return bytes.subarray(0, read);
  }

  overwriteHead(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#fd, bytes, written, bytes.length - written, written);
    }
    return Promise.resolve();
  }

  utimes(atime: Date, mtime: Date): void {
    futimesSync(this.#fd, atime, mtime);
  }

  async datasync(): Promise<void> {
    await flush(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

const flush = promisify(fdatasync);

/** Not `mkdir` with `recursive`: on a read-only or broken disk Node then says that the folder does not exist. */
async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return (await makeOne(path)) ? path : undefined;
  } catch (thrown) {
    if (systemErrorCode(thrown) !== 'ENOENT' || path === dirname(path)) throw thrown;
  }
  const first = await makeFolder(dirname(path));
  return (await makeOne(path)) ? (first ?? path) : first;
}

/** False where the folder is there already. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, 0o700);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'EEXIST' && (await stat(path)).isDirectory()) return false;
    throw thrown;
  }
}
