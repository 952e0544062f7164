import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { createApp, type AppOptions } from './app.ts';
import { answerClientError } from './client-error.ts';
import { formatHostPort, parseListenAddress, type ListenAddress } from './listen-address.ts';

export interface HttpOptions extends AppOptions {
  /** `host:port`, see `parseListenAddress`. */
  readonly listen: string;
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
  readonly headerBytes: number;
  /** What requests that are being answered get when the server closes. */
  readonly closeMs: number;
}

const defaultLimits: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 120_000,
  headerBytes: 16 * 1024,
  closeMs: 5000,
};

export interface HttpServer extends AsyncDisposable {
  /** Where it listens, `host:port`, with the port that was free where 0 was asked for. */
  readonly address: string;
}

/** Listens. Throws `config_invalid` (no address) and `listen_failed` (it is taken, not ours, or not allowed). */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      // Node looks for late requests only this often.
      connectionsCheckingInterval: Math.min(limits.headersMs, limits.requestMs) / 4,
      maxHeaderSize: limits.headerBytes,
    },
    createApp(options),
  );
  server.setTimeout(limits.idleMs);
  server.on('clientError', answerClientError);
  server.on('request', (_request, response) => {
    // A connection kept alive would hold up the end until its client lets go; by the next turn it counts as idle.
    response.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()));
  });
  const bound = await listen(server, parseListenAddress(options.listen), options.listen);
  return {
    address: formatHostPort(bound.address, bound.port),
    [Symbol.asyncDispose]: () => close(server, limits.closeMs),
  };
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
