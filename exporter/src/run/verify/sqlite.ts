import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemErrorCode } from '../../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../../process/child.ts';
import type { CheckContext, ContentCheck } from './check.ts';
import { unusable } from './damage.ts';

/** What the process that looks has found, as one line of JSON on its standard output. */
export type IntegrityReport =
  | { readonly problems: readonly string[] }
  /** SQLite's result code and words: it could not look. */
  | { readonly errcode: number; readonly message: string };

/** Beside this file, compiled or not. */
const workerPath = fileURLToPath(new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url));

/** Primary result codes that are about the file: SQLITE_CORRUPT, SQLITE_NOTADB. */
const fileCodes = [11, 26];

/** Writes the image into the scratch folder, as SQLite reads files only, and checks it there. */
export async function sqliteIntegrity({ scratch, signal }: CheckContext): Promise<ContentCheck> {
  const path = join(scratch, `verify-${randomUUID()}.sqlite`);
  const file = await open(path, 'wx', 0o600);
  let noRoom: string | undefined;
  return {
    async take(bytes) {
      if (noRoom !== undefined) return;
      try {
        for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten;
      } catch (thrown) {
        const code = systemErrorCode(thrown);
        if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') throw thrown;
        noRoom = `no integrity check: there is no room for the image in ${scratch}`;
        await file.truncate(0);
      }
    },
    async verdict() {
      return noRoom ?? (await checkIntegrity(path, signal));
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/**
 * `PRAGMA integrity_check` on a database that nobody writes to. It may take minutes and cannot be interrupted, so a
 * process of its own does it. Throws and resolves as a check's verdict does.
 */
export async function checkIntegrity(path: string, signal: AbortSignal): Promise<string | undefined> {
  const end = await runChild({ argv: [process.execPath, workerPath, path] }, { signal });
  if (end.exitCode !== 0) return `no integrity check: ${describeEnd(end)}`;
  const report = JSON.parse(end.stdout) as IntegrityReport;
  if ('problems' in report) {
    if (report.problems.length === 0) return undefined;
    throw unusable(`SQLite finds it damaged: ${report.problems.join('; ')}`);
  }
  if (fileCodes.includes(report.errcode & 0xff)) throw unusable(`SQLite cannot read it: ${report.message}`);
  return `no integrity check: SQLite says ${report.message}`;
}
