import { randomUUID } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, rmSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { startChild } from '../../process/child.ts';
import { mysqlSource } from '../../source/mysql.ts';
import { commit, removeDurably } from '../../store/durable-file.ts';
import { placeError } from './place.ts';

/** What a database held before it is replaced, as SQL that the client program loads. */
export interface SafetyDump {
  readonly path: string;
  read(): AsyncIterable<Uint8Array>;
  remove(): Promise<void>;
}

export interface SafetyOptions {
  readonly url: string;
  /** Lowtide's own; made if need be. */
  readonly folder: string;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** Dumps the database into `FOLDER/NAME-UUID.sql` (0600), flushed, before anything is changed in it. */
export async function makeSafetyDump({ url, folder, scratch, signal }: SafetyOptions): Promise<SafetyDump> {
  const own = join(scratch, 'safety');
  await mkdir(own, { recursive: true, mode: 0o700 });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { parts } = await mysqlSource({ url }).prepare({ scratch: own, signal });
  const { input, judge } = parts[0];
  if (!('command' in input)) throw new TypeError('a database is dumped by a program');
  const path = join(folder, `${nameIn(url)}-${randomUUID()}.sql`);
  const partial = `${path}.partial`;
  let fd: number | undefined;
  try {
    fd = openSync(partial, 'wx', 0o600);
    const end = await startChild(input.command, { stdout: fd, signal }).end;
    signal.throwIfAborted();
    judge?.(end);
    fsyncSync(fd);
    await commit(partial, path);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw unsafe(folder, thrown);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  if ((await stat(path)).size === 0)
    throw new LowtideError('restore_failed', `the safety dump ${path} is empty`);
  return {
    path,
    read: () => createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>,
    remove: () => removeDurably(path),
  };
}

/** The database's name, as far as it is fit for a file. */
function nameIn(url: string): string {
  const name = /\/([^/?]*)(\?|$)/.exec(url.slice(url.indexOf('://') + 3))?.[1] ?? '';
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
}

function unsafe(folder: string, thrown: unknown): unknown {
  const cause = placeError(folder, thrown);
  if (!(cause instanceof LowtideError) || cause.code === 'cancelled') return cause;
  return new LowtideError(
    'restore_failed',
    `nothing was changed, as the old content could not be dumped: ${cause.message}`,
    {
      hint: cause.hint ?? `It goes to ${folder}, which must have room for all of it.`,
      retryable: cause.retryable,
      cause,
    },
  );
}
