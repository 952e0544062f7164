import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Express } from 'express';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { createApp, type AppOptions } from './app.ts';
import { asksForCertificate, satisfies } from './client-certificate.ts';
import { answerClientError } from './client-error.ts';
import { Guard } from './guard.ts';
import { formatHostPort, parseListenAddress, type ListenAddress } from './listen-address.ts';
import { webGate } from './web-gate.ts';
import { Web, type OnWebReload } from './web.ts';

export interface HttpOptions extends Omit<AppOptions, 'gate'> {
  /** `host:port`, or several, see `parseListenAddress`. */
  readonly listen: string | readonly string[];
  /** See web-config.ts; absent: plain HTTP. */
  readonly webConfigFile?: string;
  readonly onWebReload?: OnWebReload;
  /** How often the files of the web config are looked at. */
  readonly webCheckMs?: number;
  readonly limits?: Partial<HttpLimits>;
}

/** What one client can hold up, in milliseconds and bytes. */
export interface HttpLimits {
  /** From connecting to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the request's body. */
  readonly requestMs: number;
  /** Without a byte moving either way: a client that no longer reads its answer. */
  readonly idleMs: number;
  /** Between two requests of one connection: longer than Prometheus waits between two scrapes. */
  readonly keepAliveMs: number;
  readonly headerBytes: number;
  /** What requests that are being answered get when the server closes. */
  readonly closeMs: number;
}

const defaultLimits: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 120_000,
  keepAliveMs: 75_000,
  headerBytes: 16 * 1024,
  closeMs: 5000,
};

export interface HttpServer extends AsyncDisposable {
  /** Where it listens first, `host:port`, with the port that was free where 0 was asked for. */
  readonly address: string;
  /** All of them. */
  readonly addresses: readonly string[];
  readonly scheme: 'http' | 'https';
  /** Reads the web config again, at once. */
  reloadWebConfig(): Promise<void>;
}

/**
 * Listens. Throws `config_invalid` (no address, or a web config with mistakes), `config_missing` (no such web config) and
 * `listen_failed` (the address is taken, not ours, or not allowed).
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const { onWebReload = () => undefined, webCheckMs = 5000 } = options;
  const addresses = [options.listen]
    .flat()
    .map((written) => ({ written, address: parseListenAddress(written) }));
  const web = await Web.open(options.webConfigFile, onWebReload, webCheckMs);
  const app = createApp({ ...options, gate: webGate(web.current, new Guard(() => performance.now())) });
  const servers: Server[] = [];
  const closeAll = async (graceMs: number): Promise<void> => {
    web[Symbol.dispose]();
    await Promise.all(servers.map((server) => close(server, graceMs)));
  };
  const bound: string[] = [];
  try {
    for (const { written, address } of addresses) {
      const server = prepare(app, web, limits);
      const { address: host, port } = await listen(server, address, written);
      servers.push(server);
      bound.push(formatHostPort(host, port));
    }
  } catch (thrown) {
    await closeAll(0);
    throw thrown;
  }
  return {
    address: bound[0] ?? '',
    addresses: bound,
    scheme: web.current().tls === undefined ? 'http' : 'https',
    reloadWebConfig: () => web.reload(),
    [Symbol.asyncDispose]: () => closeAll(limits.closeMs),
  };
}

function prepare(app: Express, web: Web, limits: HttpLimits): Server {
  const settings: ServerOptions = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Node looks for late requests only this often.
    connectionsCheckingInterval: Math.min(limits.headersMs, limits.requestMs) / 4,
    maxHeaderSize: limits.headerBytes,
  };
  const server =
    web.current().tls === undefined ? createServer(settings, app) : secured(app, web, limits, settings);
  server.setTimeout(limits.idleMs);
  server.on('clientError', answerClientError);
  server.on('request', (_request, response) => {
    // A connection kept alive would hold up the end until its client lets go; by the next turn it counts as idle.
    response.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()));
  });
  return server;
}

function secured(app: Express, web: Web, limits: HttpLimits, settings: ServerOptions): TlsServer {
  const { secure, tls } = web.current();
  const policy = tls?.clientAuth ?? 'NoClientCert';
  const server = createTlsServer(
    {
      ...settings,
      ...secure,
      handshakeTimeout: limits.headersMs,
      requestCert: asksForCertificate(policy),
      rejectUnauthorized: false,
    },
    app,
  );
  web.onChange((config) => {
    if (config.secure !== undefined) server.setSecureContext(config.secure);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    if (!satisfies(policy, web.current().tls?.clientSans ?? [], socket)) socket.destroy();
  });
  return server;
}

async function listen(server: Server, address: ListenAddress, written: string): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen({ ...address }, () => resolve(undefined));
  try {
    await promise;
  } catch (cause) {
    throw listenRefusal(cause, address, written);
  } finally {
    server.off('error', reject);
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has an address');
  return bound;
}

function listenRefusal(cause: unknown, { host, port }: ListenAddress, written: string): LowtideError {
  const elsewhere = 'or listen elsewhere: `server.listen` in lowtide.yaml, or --web.listen-address';
  const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
    EADDRINUSE: [
      'another program listens there',
      `Stop it (ss -ltnp 'sport = :${port}' names it), ${elsewhere}.`,
    ],
    EACCES: ['this user may not', `Ports below 1024 are root's: take a higher one, ${elsewhere}.`],
    EADDRNOTAVAIL: [
      'this machine does not have the address',
      `Take one that ip address lists, ${elsewhere}.`,
    ],
    ENOTFOUND: [`no address is known for ${host ?? ''}`, `Write an IP address, ${elsewhere}.`],
  };
  const [reason, hint] = reasons[systemErrorCode(cause) ?? ''] ?? [
    cause instanceof Error ? cause.message : String(cause),
    `Free the address, ${elsewhere}.`,
  ];
  return new LowtideError('listen_failed', `cannot listen on ${written}: ${reason}`, { hint, cause });
}

/** Lets requests end that are being answered, for a while. */
async function close(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  server.close(() => resolve(undefined));
  await promise;
  clearTimeout(timer);
}
