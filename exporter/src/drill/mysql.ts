import { openClient, quoted, type MysqlClient } from '../run/restore/mysql-client.ts';
import { mysqlTarget } from '../run/restore/mysql.ts';
import type { TargetOptions } from '../run/restore/target.ts';
import { parseMysqlUrl } from '../source/mysql/connection.ts';
import { startMysqlServer } from './mysql-server.ts';
import { sumOf, type DrillPlace } from './place.ts';
import type { ScratchServerOptions } from './scratch-server.ts';

/** A MariaDB or MySQL of the drill's own. */
export async function mysqlServerPlace(
  options: ScratchServerOptions & { readonly target: TargetOptions },
): Promise<DrillPlace> {
  const { target } = options;
  const server = await startMysqlServer({ ...options, scratch: target.scratch });
  return {
    ...databasePlace(server.url, target),
    environment: () => ({ MYSQL_UNIX_PORT: server.socket, MYSQL_DATABASE: server.database }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A database that is made on the server that the config names, and dropped again. */
export async function mysqlUrlPlace(url: string, name: string, target: TargetOptions): Promise<DrillPlace> {
  const { scratch, signal } = target;
  const admin = await openClient(parseMysqlUrl(url), scratch, signal);
  await admin.query(`CREATE DATABASE ${quoted(name)}`);
  return {
    ...databasePlace(urlOf(url, name), target),
    environment: () => ({ MYSQL_DATABASE: name }),
    [Symbol.asyncDispose]: () => dropMysqlDatabase(url, name, scratch),
  };
}

function databasePlace(url: string, target: TargetOptions) {
  const { scratch, signal } = target;
  const rows = async (): Promise<ReadonlyMap<string, number>> =>
    rowsOf(await openClient(parseMysqlUrl(url), scratch, signal));
  return { target: mysqlTarget(url, target), rows, look: async () => sumOf(await rows()) };
}

/** Also when the drill was given up, or its process is gone. */
export async function dropMysqlDatabase(url: string, name: string, scratch: string): Promise<void> {
  const client = await openClient(parseMysqlUrl(url), scratch, new AbortController().signal);
  await client.query(`DROP DATABASE IF EXISTS ${quoted(name)}`);
}

async function rowsOf(client: MysqlClient): Promise<ReadonlyMap<string, number>> {
  const names = await client.query(
    `SELECT HEX(table_name) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE';`,
  );
  const tables = names.map((hex) => Buffer.from(hex, 'hex').toString('utf8'));
  const counts = tables.map((table) => `SELECT COUNT(*) FROM ${quoted(table)};`).join('\n');
  const lines = tables.length === 0 ? [] : await client.query(counts);
  return new Map(tables.map((table, index) => [table, Number(lines[index])]));
}

/** The same server, another database. */
function urlOf(url: string, database: string): string {
  return url.replace(/^([a-z]+:\/\/[^/?]*)\/[^?]*/i, `$1/${database}`);
}
