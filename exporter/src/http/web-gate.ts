import { createHash } from 'node:crypto';
import bcrypt from 'bcryptjs';
import type { RequestHandler } from 'express';
import { LowtideError } from '../errors/lowtide-error.ts';
import { addressGroup, plainAddress } from './address.ts';
import { Guard, RateLimited } from './guard.ts';
import { problemOf, sendProblem } from './problem.ts';
import { Turns } from './turns.ts';
import type { WebConfig } from './web-config.ts';

/** So that a user who does not exist takes as long as one who does. */
const nobodysHash = '$2b$10$OOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOO';
/** bcrypt takes a tenth of a second of the processor: those who scrape every few seconds are remembered. */
const mostRemembered = 200;

/** Passwords that wait to be checked, of all addresses: whoever comes then is told to try again. */
const mostWaiting = 50;

/** Headers and passwords of the web config, for every page. The API has tokens: a request with one is judged there. */
export function webGate(current: () => WebConfig, guard: Guard): RequestHandler {
  const remembered = new Set<string>();
  // An address is answered before its next guess is looked at, and the processor never has two to work on.
  const ofAddress = new Turns();
  const ofAll = new Turns();

  const check = async (group: string, user: string, password: string): Promise<void> => {
    const hash = current().users.get(user);
    const mark = createHash('sha256')
      .update(JSON.stringify([user, hash, password]))
      .digest('hex');
    if (remembered.has(mark)) return;
    await ofAddress.take(group, async () => {
      if (remembered.has(mark)) return;
      guard.refuseBlocked(group, mark);
      if (ofAll.waiting >= mostWaiting) throw new RateLimited('too many passwords to check', 1000);
      const isRight = await ofAll.take('', () => bcrypt.compare(password, hash ?? nobodysHash));
      if (hash === undefined || !isRight) {
        guard.failed(group);
        throw unauthenticated();
      }
      if (remembered.size >= mostRemembered) remembered.clear();
      remembered.add(mark);
      guard.succeeded(group, mark);
    });
  };

  let limited: { readonly config: WebConfig; readonly guard: Guard } | undefined;
  const admit = (config: WebConfig): void => {
    if (config.rateLimit === undefined) return;
    if (limited?.config !== config) {
      limited = { config, guard: new Guard(() => performance.now(), config.rateLimit) };
    }
    limited.guard.admit('all');
  };

  return async (request, response, next) => {
    const config = current();
    const { users, headers } = config;
    response.set(headers);
    try {
      admit(config);
      if (users.size > 0 && !isForTheApi(request.path, request.headers.authorization)) {
        const [user, password] = basicOf(request.headers.authorization) ?? [];
        if (user === undefined || password === undefined) throw unauthenticated();
        await check(addressGroup(plainAddress(request.socket.remoteAddress)), user, password);
      }
      next();
    } catch (thrown) {
      if (thrown instanceof RateLimited) response.set('Retry-After', String(thrown.retryAfterSeconds));
      else response.set('WWW-Authenticate', 'Basic realm="lowtide"');
      sendProblem(response, problemOf(thrown));
    }
  };
}

/** Its description is for everybody, as the other pages are: no token is looked at there. */
function isForTheApi(path: string, authorization: string | undefined): boolean {
  if (path.startsWith('/api/v1/openapi.json')) return false;
  return path.startsWith('/api/v1/') && /^Bearer /i.test(authorization ?? '');
}

function basicOf(header: string | undefined): readonly [user: string, password: string] | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined || encoded.length > 1024) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function unauthenticated(): LowtideError {
  return new LowtideError('unauthenticated', 'user and password are needed here', {
    hint: 'Those of basic_auth_users in the web config.',
  });
}
