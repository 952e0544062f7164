import { pathToFileURL } from 'node:url';

/** For reading a database that nobody writes to, without the files that SQLite makes beside one in WAL mode. */
export function immutableUrl(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return url;
}

/** The result code of an error of SQLite's (sqlite.org/rescode.html); undefined for other errors. */
export function sqliteCode(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number'
    ? thrown.errcode
    : undefined;
}
