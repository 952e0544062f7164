import { setTimeout as sleep } from 'node:timers/promises';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { runChild, startChild, type Child } from '../../process/child.ts';
import type { ChildEnd, Command } from '../../process/command.ts';
import { flavorOf, privateEnvironment } from '../../source/mysql.ts';
import { writeOptionFile, type MysqlConnection } from '../../source/mysql/connection.ts';
import { firstTool } from '../../source/tool.ts';
import { failure, redacted } from '../../source/verdict.ts';
import { feedChild } from '../feed.ts';
import { mysqlRestoreTroubles } from './mysql-troubles.ts';

/** MariaDB's or MySQL's client program, told how to reach one database. */
export interface MysqlClient {
  /** Reads: the rows of all statements, columns separated by tabs. */
  query(sql: string): Promise<readonly string[]>;
  /**
   * Changes the database by SQL as it comes, up to the first statement that fails; the last piece is run only once the
   * content has ended well. However it ends, the server is no longer at it then.
   */
  change(content: AsyncIterable<Uint8Array>): Promise<void>;
}

/** How long a statement waits for those who use a table; the server's own default is a day. */
const lockWaitSeconds = 60;

/** A killed session ends within a second, or when its statement is rolled back. */
const sessionLooks = 600;
const sessionPauseMs = 100;

/** Throws `restore_failed` where the database cannot be reached as the URL wants it. */
export async function openClient(
  connection: MysqlConnection,
  scratch: string,
  signal: AbortSignal,
): Promise<MysqlClient> {
  const { program, version } = await firstTool(['mariadb', 'mysql'], signal);
  const optionFile = await writeOptionFile(connection, flavorOf(version), scratch);
  const argv: Command['argv'] = [
    program,
    `--defaults-file=${optionFile}`,
    '--batch',
    '--skip-column-names',
    '--unbuffered',
    // Line ends in the bodies of routines stay as they were.
    '--binary-mode',
    '--connect-timeout=15',
    '--max-allowed-packet=1G',
    '--default-character-set=utf8mb4',
    `--init-command=SET SESSION lock_wait_timeout = ${lockWaitSeconds}`,
    `--database=${connection.database}`,
  ];
  const client = new ProgramClient(connection, argv, signal);
  const [cipher] = await client.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  if (connection.requiresTls && (cipher?.split('\t')[1] ?? '') === '') {
    throw new LowtideError(
      'restore_failed',
      `${connection.label} offers no TLS, and the target requires it`,
      {
        hint: 'Set up TLS on the server, or ssl-mode=disabled in the target where the network is trusted.',
      },
    );
  }
  return client;
}

class ProgramClient implements MysqlClient {
  readonly #connection: MysqlConnection;
  readonly #argv: Command['argv'];
  readonly #signal: AbortSignal;

  constructor(connection: MysqlConnection, argv: Command['argv'], signal: AbortSignal) {
    this.#connection = connection;
    this.#argv = argv;
    this.#signal = signal;
  }

  async query(sql: string): Promise<readonly string[]> {
    const end = await runChild(this.#command(), { signal: this.#signal, input: sql });
    if (end.exitCode !== 0) throw restoreFailure(this.#connection, end);
    return end.stdout.split('\n').filter((line) => line !== '');
  }

  async change(content: AsyncIterable<Uint8Array>): Promise<void> {
    const child = startChild(this.#command(), { stdin: 'pipe', stdout: 'pipe', signal: this.#signal });
    let session: string | undefined;
    try {
      child.stdin?.write('SELECT CONNECTION_ID();\n');
      session = await firstLine(child);
      if (session !== undefined) await feedChild(child, content);
      const end = await child.end;
      this.#signal.throwIfAborted();
      if (end.exitCode !== 0) throw restoreFailure(this.#connection, end);
    } catch (thrown) {
      child.stop();
      child.stdin?.destroy();
      await Promise.allSettled([child.end]);
      if (session !== undefined) await this.#endSession(session);
      throw thrown;
    }
  }

  /** The client may be gone, and the server still at its last statement; what comes next must not meet that. */
  async #endSession(id: string): Promise<void> {
    const ask = (sql: string): ReturnType<typeof runChild> => runChild(this.#command(), { input: sql });
    // Fails where the session has ended by itself.
    await ask(`KILL ${id}`);
    for (let looks = sessionLooks; looks > 0; looks -= 1) {
      const end = await ask(`SELECT COUNT(*) FROM information_schema.processlist WHERE id = ${id}`);
      if (end.exitCode !== 0 || end.stdout.trim() === '0') return;
      await sleep(sessionPauseMs);
    }
  }

  #command(): Command {
    return { argv: this.#argv, env: privateEnvironment };
  }
}

/** Undefined when the child ends without one. Whatever else it writes is thrown away. */
async function firstLine({ stdout, end }: Child): Promise<string | undefined> {
  let text = '';
  const line = new Promise<string>((resolve) => {
    stdout?.setEncoding('utf8').on('data', (piece: string) => {
      if (text.includes('\n')) return;
      text += piece;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
  return await Promise.race([line, end.then(() => undefined)]);
}

/** One thing that a database holds. */
export interface DatabaseObject {
  readonly kind: 'TABLE' | 'SEQUENCE' | 'VIEW' | 'EVENT' | 'FUNCTION' | 'PROCEDURE' | 'PACKAGE';
  readonly name: string;
}

/** In hexadecimal, since names may hold tabs and line ends. Triggers go with their tables, package bodies with packages. */
const objectsQuery = `
  SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, HEX(table_name)
    FROM information_schema.tables WHERE table_schema = DATABASE();
  SELECT 'EVENT', HEX(event_name) FROM information_schema.events WHERE event_schema = DATABASE();
  SELECT routine_type, HEX(routine_name) FROM information_schema.routines
    WHERE routine_schema = DATABASE() AND routine_type <> 'PACKAGE BODY';`;

export async function objectsOf(client: MysqlClient): Promise<readonly DatabaseObject[]> {
  const lines = await client.query(objectsQuery);
  return lines.map((line) => {
    const [kind = '', name = ''] = line.split('\t');
    return { kind: kind as DatabaseObject['kind'], name: Buffer.from(name, 'hex').toString('utf8') };
  });
}

/** In the order of dropping. Tables come first, as they alone may be in use. */
const dropOrder = ['TABLE', 'SEQUENCE', 'VIEW', 'EVENT', 'FUNCTION', 'PROCEDURE', 'PACKAGE'] as const;
const droppedTogether: readonly DatabaseObject['kind'][] = ['TABLE', 'SEQUENCE', 'VIEW'];

/**
 * Drops everything in the database. Tables go by one statement, which waits for all of them before it drops any: when
 * somebody uses one for too long, nothing has happened.
 */
export async function emptyDatabase(client: MysqlClient): Promise<void> {
  const objects = await objectsOf(client);
  const statements = dropOrder.flatMap((kind) => {
    const names = objects.filter((object) => object.kind === kind).map(({ name }) => quoted(name));
    if (names.length === 0) return [];
    const groups = droppedTogether.includes(kind) ? [names.join(', ')] : names;
    return groups.map((group) => `DROP ${kind} IF EXISTS ${group};`);
  });
  if (statements.length === 0) return;
  const sql = ['SET foreign_key_checks = 0;', ...statements, ''].join('\n');
  await client.change(ReadableStream.from([Buffer.from(sql)]));
}

export function sameObjects(one: readonly DatabaseObject[], other: readonly DatabaseObject[]): boolean {
  const key = (objects: readonly DatabaseObject[]): string =>
    JSON.stringify(objects.map(({ kind, name }) => `${kind} ${name}`).sort());
  return key(one) === key(other);
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

function restoreFailure(connection: MysqlConnection, end: ChildEnd): LowtideError {
  const said = failure(
    redacted(end, [connection.password]),
    mysqlRestoreTroubles(connection),
    'restore_failed',
  );
  return new LowtideError(said.code, `${connection.label}: ${said.message}`, {
    ...(said.hint !== undefined && { hint: said.hint }),
    retryable: said.retryable,
  });
}
