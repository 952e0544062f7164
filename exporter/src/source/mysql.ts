import { LowtideError } from '../errors/lowtide-error.ts';
import { runChild } from '../process/child.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import type { Dump, Source, SourceContext } from './source.ts';
import {
  parseMysqlUrl,
  writeOptionFile,
  type MysqlConnection,
  type MysqlFlavor,
} from './mysql/connection.ts';
import { mysqlTroubles } from './mysql/troubles.ts';
import { firstTool } from './tool.ts';
import { failure, firstLines, redacted, stderrLines } from './verdict.ts';

export interface MysqlSourceOptions {
  readonly url: string;
}

const namesInWarning = 5;

/** A MySQL or MariaDB database, dumped as SQL in one transaction by MariaDB's dump program, or else by MySQL's. */
export function mysqlSource(options: MysqlSourceOptions): Source {
  const connection = parseMysqlUrl(options.url);
  return {
    type: 'mysql',
    kind: 'database',
    label: connection.label,
    async check(context) {
      await connect(connection, context);
    },
    async prepare(context) {
      return prepare(connection, context);
    },
  };
}

async function prepare(connection: MysqlConnection, context: SourceContext): Promise<Dump> {
  const { optionFile, tool, server, unprotected } = await connect(connection, context);
  const warnings =
    unprotected.length === 0
      ? []
      : [
          `not of one moment, as their engine has no transactions: ${unprotected.slice(0, namesInWarning).join(', ')}` +
            (unprotected.length > namesInWarning ? ` and ${unprotected.length - namesInWarning} more` : ''),
        ];
  const command = dumpCommand(tool, optionFile, connection.database);
  return {
    parts: [{ role: 'main', format: 'sql', input: { command }, judge: judgeBy(connection, warnings) }],
    tools: { [tool.program]: tool.version, server },
  };
}

interface DumpTool {
  readonly program: string;
  readonly version: string;
}

/**
 * The command that dumps. Its text ends in `-- Dump completed` only when whole, which verification looks for.
 * Exported for its tests: the options depend on the tool's version, and not every version can be had on one machine.
 */
export function dumpCommand(tool: DumpTool, optionFile: string, database: string): Command {
  const argv: Command['argv'] = [
    tool.program,
    `--defaults-file=${optionFile}`,
    '--single-transaction',
    '--quick',
    '--routines',
    '--triggers',
    '--events',
    '--hex-blob',
    '--default-character-set=utf8mb4',
    // The client's own limit; its default of 24 MiB fails on rows that the server holds without trouble.
    '--max-allowed-packet=1G',
    // Tablespaces belong to the server, and reading them takes the PROCESS privilege on the whole of it.
    '--no-tablespaces',
    ...mysqlOnly(tool.version),
    '--',
    database,
  ];
  return { argv, env: privateEnvironment };
}

/** MySQL's own client reads a file of logins behind every other option file, unless it is sent elsewhere. */
export const privateEnvironment = { MYSQL_TEST_LOGIN_FILE: '/nonexistent' };

export function flavorOf(version: string): MysqlFlavor {
  return /mariadb/i.test(version) ? 'mariadb' : 'mysql';
}

/**
 * What MariaDB's program does not know: MySQL's from 8.0 on asks for statistics that other servers do not have, and
 * from 5.6 on writes the server's GTID state, which makes the dump refuse to load elsewhere.
 */
function mysqlOnly(version: string): readonly string[] {
  if (flavorOf(version) === 'mariadb') return [];
  const major = Number(/(?:Distrib|Ver) (\d+)\.\d+\.\d+/.exec(version)?.[1]);
  return ['--set-gtid-purged=OFF', ...(major >= 8 ? ['--column-statistics=0'] : [])];
}

interface ConnectedServer {
  readonly optionFile: string;
  readonly tool: DumpTool;
  readonly server: string;
  /** Tables whose engine does not take part in the dump's transaction. */
  readonly unprotected: readonly string[];
}

async function connect(
  connection: MysqlConnection,
  { scratch, signal }: SourceContext,
): Promise<ConnectedServer> {
  const tool = await firstTool(['mariadb-dump', 'mysqldump'], signal);
  const client = await firstTool(['mariadb', 'mysql'], signal);
  const clientFile = await writeOptionFile(connection, flavorOf(client.version), scratch);
  const sql =
    "SHOW SESSION STATUS LIKE 'Ssl_cipher'; SELECT CONCAT(VERSION(), ' ', @@version_comment); " +
    'SELECT table_name FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine ' +
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND COALESCE(transactions, 'NO') <> 'YES' " +
    'ORDER BY table_name';
  const argv: Command['argv'] = [
    client.program,
    `--defaults-file=${clientFile}`,
    '--batch',
    '--skip-column-names',
    '--connect-timeout=15',
    '--default-character-set=utf8mb4',
    `--database=${connection.database}`,
    `--execute=${sql}`,
  ];
  const end = await runChild({ argv, env: privateEnvironment }, { signal });
  if (end.exitCode !== 0)
    throw failure(redacted(end, [connection.password]), mysqlTroubles, 'source_unreachable');
  const [cipher = '', server = '', ...unprotected] = end.stdout.trimEnd().split('\n');
  if (connection.requiresTls && cipher.split('\t')[1] === '') throw refusedPlainConnection(connection);
  const optionFile = await writeOptionFile(connection, flavorOf(tool.version), scratch);
  return { optionFile, tool, server, unprotected };
}

/** MariaDB's programs take a wish for TLS as just that, and go on without it where the server has none. */
function refusedPlainConnection({ label }: MysqlConnection): LowtideError {
  return new LowtideError('source_unreachable', `${label} offers no TLS, and the source's url requires it`, {
    hint: 'Set up TLS on the server, or ssl-mode=disabled in the url where the network is trusted.',
  });
}

/**
 * Whole is: exit code 0 and no line that tells of an error. MySQL's program prints some as `mysqldump: Error: …`
 * and still ends with 0.
 */
function judgeBy(
  { password }: MysqlConnection,
  warnings: readonly string[],
): (end: ChildEnd) => readonly string[] {
  return (rawEnd) => {
    const end = redacted(rawEnd, [password]);
    const lines = stderrLines(end);
    if (
      end.exitCode !== 0 ||
      lines.some((line) => /: (\[ERROR\]|Error\b|Got error\b|Couldn't )/i.test(line))
    ) {
      throw failure(end, mysqlTroubles);
    }
    return firstLines([...warnings, ...lines]);
  };
}
