import { isIP, Socket } from 'node:net';
import pg from 'pg';
import { LowtideError } from '../errors/lowtide-error.ts';
import { formatHosts } from '../source/database-url.ts';
import { defaultPort, type Address } from './address.ts';
import type { Timeouts } from './postgres.ts';
import { isDenial, messageOf } from './refusal.ts';
import { parserOf } from './values.ts';

/** A session on the primary. */
export interface Connection {
  readonly client: pg.Client;
  readonly hostIndex: number;
  /** Nothing can be asked on it any more. */
  lost: boolean;
  /** At once, whatever it is about: a server that does not answer would not answer a farewell either. */
  destroy(): void;
}

/** How long a connection may be silent before the kernel asks whether the other end is still there. */
const keepAliveMs = 10_000;

/**
 * Tries the hosts in turn from `first` on, and takes the first that is a primary (`target_session_attrs=read-write` of libpq,
 * which pg does not know). As in libpq, a host that refuses the login ends the search.
 */
export async function connectPrimary(
  address: Address,
  first: number,
  applicationName: string,
  timeouts: Timeouts,
): Promise<Connection> {
  const refusals: string[] = [];
  for (let turn = 0; turn < address.hosts.length; turn += 1) {
    const index = (first + turn) % address.hosts.length;
    try {
      return await connectTo(address, index, applicationName, timeouts);
    } catch (error) {
      if (isDenial(error)) throw error;
      refusals.push(`${nameOf(address, index)}: ${messageOf(error)}`);
    }
  }
  throw new LowtideError('state_unavailable', `cannot reach ${address.label}: ${refusals.join('; ')}`, {
    hint: 'Check that PostgreSQL runs there, that one of its hosts is the primary, and the network between.',
    retryable: true,
  });
}

async function connectTo(
  address: Address,
  index: number,
  applicationName: string,
  timeouts: Timeouts,
): Promise<Connection> {
  const isSocket = address.hosts[index]?.host.startsWith('/') ?? false;
  let connection: Connection;
  try {
    const tls = isSocket ? false : (address.tls?.options ?? false);
    connection = await openSession(address, index, tls, applicationName, timeouts);
  } catch (error) {
    if (isSocket || !address.tls?.orPlain || !messageOf(error).includes('does not support SSL')) throw error;
    connection = await openSession(address, index, false, applicationName, timeouts);
  }
  try {
    const { rows } = await connection.client.query<{ standby: number; readonly: string }>(
      "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS readonly",
    );
    if (rows[0]?.standby === 0 && rows[0].readonly === 'off') return connection;
    throw new LowtideError('state_unavailable', 'is not the primary', { retryable: true });
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function openSession(
  address: Address,
  hostIndex: number,
  tls: NonNullable<Address['tls']>['options'] | false,
  applicationName: string,
  timeouts: Timeouts,
): Promise<Connection> {
  const { host, port } = address.hosts[hostIndex] ?? { host: '', port: 0 };
  const socket = new Socket();
  const client = new pg.Client({
    host,
    port,
    database: address.database,
    user: address.user,
    password: address.password,
    ...(address.options === undefined ? {} : { options: address.options }),
    // What the caller has settled is settled: pg would look into the environment for what is undefined.
    ssl: tls === false ? false : { ...tls, ...(isIP(host) ? {} : { servername: host }) },
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    application_name: applicationName,
    client_encoding: 'UTF8',
    connectionTimeoutMillis: timeouts.connect,
    statement_timeout: timeouts.statement,
    lock_timeout: timeouts.lock,
    idle_in_transaction_session_timeout: timeouts.idleInTransaction,
    query_timeout: timeouts.statement + timeouts.connect,
    types: { getTypeParser: parserOf as pg.CustomTypesConfig['getTypeParser'] },
  });
  const connection: Connection = {
    client,
    hostIndex,
    lost: false,
    destroy() {
      connection.lost = true;
      socket.destroy();
    },
  };
  // Without a listener, the loss of an idle connection would end the process.
  client.on('error', () => {
    connection.lost = true;
  });
  client.on('end', () => {
    connection.lost = true;
  });
  try {
    await client.connect();
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return connection;
}

function nameOf(address: Address, index: number): string {
  return formatHosts(address.hosts.slice(index, index + 1), defaultPort);
}
