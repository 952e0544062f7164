import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Role, StoredToken } from '../catalog/access.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';
import { grantedActions, heldTo, type GrafanaLogins } from './actions.ts';
import { addressGroup, isLocalHost, isLoopback, plainAddress } from '../http/address.ts';
import type { Caller } from './caller.ts';
import type { Guard } from '../http/guard.ts';

/** A token as it is compared: never itself. */
export interface Credential {
  readonly name: string;
  readonly role: Role;
  readonly hash: string;
  readonly expiresAt?: EpochMs;
  readonly grafanaLogins?: GrafanaLogins;
}

export interface AuthenticateOptions {
  /** Those that may be used, and those that have expired; not the revoked ones. */
  readonly credentials: () => Promise<readonly Credential[]>;
  readonly guard: Guard;
  readonly now: () => EpochMs;
  /** Hears that an address has begun to be blocked. */
  readonly onBlocked: (address: string) => void;
}

/** SHA-256 alone: a token has too much chance in it to be guessed, unlike a password. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function credentialsOf(
  configured: readonly {
    readonly name: string;
    readonly role: Role;
    readonly token: string;
    readonly grafana_logins?: GrafanaLogins | undefined;
  }[],
  stored: readonly StoredToken[],
): readonly Credential[] {
  return [
    ...configured.map(({ name, role, token, grafana_logins: logins }) => ({
      name,
      role,
      hash: hashToken(token),
      ...(logins !== undefined && { grafanaLogins: logins }),
    })),
    ...stored.filter((token) => token.revokedAt === undefined),
  ];
}

/**
 * Who sent the request. Throws `unauthenticated`, RateLimited. Without any token there are readers on this host alone:
 * direct ones, since behind a proxy everybody comes from this host.
 */
export async function authenticate(request: IncomingMessage, options: AuthenticateOptions): Promise<Caller> {
  const address = plainAddress(request.socket.remoteAddress);
  const credentials = await options.credentials();
  const secret = bearerOf(request.headers.authorization);
  if (secret === undefined) {
    if (credentials.length > 0) throw missing();
    options.guard.admit(addressGroup(address));
    return localReader(request, address);
  }
  const hash = hashToken(secret);
  const group = addressGroup(address);
  options.guard.refuseBlocked(group, hash);
  const found = matching(credentials, hash);
  if (found === undefined || (found.expiresAt ?? Infinity) <= options.now()) {
    if (options.guard.failed(group)) options.onBlocked(address);
    throw invalid(found);
  }
  options.guard.succeeded(group, hash);
  options.guard.admit(found.name);
  const grafanaUser = loginOf(request);
  const role = heldTo(found.role, request.headers['x-lowtide-role']?.toString());
  return {
    token: found.name,
    role,
    actions: grantedActions(role, found.grafanaLogins, grafanaUser),
    address,
    ...(grafanaUser !== undefined && { grafanaUser }),
  };
}

/**
 * Whether one who was let in before would be let in still, for answers that do not end. The function looks at the credentials as
 * they are now; ask for a new one each time.
 */
export async function stillLetIn({
  credentials,
  now,
}: Pick<AuthenticateOptions, 'credentials' | 'now'>): Promise<(secretHash: string | undefined) => boolean> {
  const current = await credentials();
  const at = now();
  const valid = new Set(
    current.filter(({ expiresAt }) => (expiresAt ?? Infinity) > at).map(({ hash }) => hash),
  );
  return (hash) => (hash === undefined ? current.length === 0 : valid.has(hash));
}

/** Of the token that the request brings; absent where it brings none. */
export function secretHashOf(request: IncomingMessage): string | undefined {
  const secret = bearerOf(request.headers.authorization);
  return secret === undefined ? undefined : hashToken(secret);
}

/** Every hash is compared, and to its end: how long it takes tells nothing. */
function matching(credentials: readonly Credential[], hash: string): Credential | undefined {
  const sent = Buffer.from(hash, 'hex');
  let found: Credential | undefined;
  for (const credential of credentials) {
    if (timingSafeEqual(Buffer.from(credential.hash, 'hex'), sent)) found = credential;
  }
  return found;
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(header ?? '')?.[1];
}

/** Grafana sends logins as UTF-8, as they are; HTTP's headers are read byte by byte. */
function loginOf(request: IncomingMessage): string | undefined {
  const sent = request.headers['x-grafana-user'];
  if (typeof sent !== 'string') return undefined;
  const login = Buffer.from(sent, 'latin1').toString('utf8');
  return /^[^\p{C}\ufffd]{1,190}$/u.test(login) ? login : undefined;
}

/** Grafana's browser side takes a 401 for its own session's, and sends the request again. */
export function isFromGrafana(request: IncomingMessage): boolean {
  const { headers } = request;
  return (
    headers['user-agent']?.startsWith('Grafana/') === true ||
    ['x-grafana-context', 'x-grafana-user', 'x-grafana-id', 'x-grafana-org-id'].some(
      (name) => name in headers,
    )
  );
}

function localReader(request: IncomingMessage, address: string): Caller {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => name in request.headers,
  );
  const isHere =
    isLoopback(address) && isLocalHost(request.headers.host) && !forwarded && !isFromGrafana(request);
  if (!isHere) throw missing();
  return { role: 'viewer', actions: new Set(['read']), address };
}

const howToGetOne =
  'Send Authorization: Bearer TOKEN. On the host, lowtide token create --role ROLE NAME makes one.';

function missing(): LowtideError {
  return new LowtideError('unauthenticated', 'this needs a token', { hint: howToGetOne });
}

function invalid(expired: Credential | undefined): LowtideError {
  const message = expired === undefined ? 'the token is not valid' : `the token ${expired.name} has expired`;
  return new LowtideError('unauthenticated', message, { hint: howToGetOne });
}
