import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from '../../servers/postgres.ts';

/** `getconf CLK_TCK`: fixed on Linux as programs see it. */
const ticksPerSecond = 100;

/** What a PostgreSQL has used so far. */
export interface ServerUse {
  readonly cpuSeconds: number;
  readonly walBytes: number;
}

export function serverUse(server: PostgresServer): ServerUse {
  const walBytes = Number(server.query("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"));
  return { cpuSeconds: cpuSecondsOf(postmasterOf(server)), walBytes };
}

export function since(before: ServerUse, server: PostgresServer): ServerUse {
  const now = serverUse(server);
  return { cpuSeconds: now.cpuSeconds - before.cpuSeconds, walBytes: now.walBytes - before.walBytes };
}

/** The statements that took most of the server's time: `milliseconds calls text`. */
export function costliest(server: PostgresServer, count: number): readonly string[] {
  const rows = server.query(`
    SELECT round(total_exec_time + total_plan_time) || ' ms, ' || calls || ' calls, ' || round(((total_exec_time + total_plan_time) / calls)::numeric, 3)
      || ' ms each: ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 110)
    FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT ${count}`);
  return rows === '' ? [] : rows.split('\n');
}

export function forgetStatements(server: PostgresServer): void {
  server.query('SELECT pg_stat_statements_reset()');
}

function postmasterOf({ socketFolder }: PostgresServer): number {
  return Number(readFileSync(join(socketFolder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
}

/** Of the postmaster, of the processes that it has, and of those that have ended. */
function cpuSecondsOf(postmaster: number): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const ticks = stats
    .filter(({ pid, parent }) => pid === postmaster || parent === postmaster)
    .reduce((sum, { pid, own, ofEnded }) => sum + own + (pid === postmaster ? ofEnded : 0), 0);
  return ticks / ticksPerSecond;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly own: number;
  readonly ofEnded: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From the third field on: the name before may hold spaces.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
    return { pid, parent, own: user + system, ofEnded: childrenUser + childrenSystem };
  } catch {
    return undefined; // It ended meanwhile.
  }
}
