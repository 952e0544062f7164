import { createHash } from 'node:crypto';
import bcrypt from 'bcryptjs';
import type { RequestHandler } from 'express';
import { LowtideError } from '../errors/lowtide-error.ts';
import { addressGroup, plainAddress } from './address.ts';
import { RateLimited, type Guard } from './guard.ts';
import { problemOf, sendProblem } from './problem.ts';
import type { WebConfig } from './web-config.ts';

/** So that a user who does not exist takes as long as one who does. */
const nobodysHash = '$2b$10$OOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOOO';
/** bcrypt takes a tenth of a second of the processor: those who scrape every few seconds are remembered. */
const mostRemembered = 200;

/** Headers and passwords of the web config, for every page. The API has tokens: a request with one is judged there. */
export function webGate(current: () => WebConfig, guard: Guard): RequestHandler {
  const remembered = new Set<string>();
  return async (request, response, next) => {
    const { users, headers } = current();
    response.set(headers);
    if (users.size === 0 || isForTheApi(request.path, request.headers.authorization)) {
      next();
      return;
    }
    const [user, password] = basicOf(request.headers.authorization) ?? [];
    const group = addressGroup(plainAddress(request.socket.remoteAddress));
    try {
      if (user === undefined || password === undefined) throw unauthenticated();
      const hash = users.get(user);
      const mark = createHash('sha256')
        .update(JSON.stringify([user, hash, password]))
        .digest('hex');
      if (!remembered.has(mark)) {
        guard.refuseBlocked(group, mark);
        const isRight = await bcrypt.compare(password, hash ?? nobodysHash);
        if (hash === undefined || !isRight) {
          guard.failed(group);
          throw unauthenticated();
        }
        if (remembered.size >= mostRemembered) remembered.clear();
        remembered.add(mark);
        guard.succeeded(group, mark);
      }
      next();
    } catch (thrown) {
      if (thrown instanceof RateLimited) response.set('Retry-After', String(thrown.retryAfterSeconds));
      else response.set('WWW-Authenticate', 'Basic realm="lowtide"');
      sendProblem(response, problemOf(thrown));
    }
  };
}

function isForTheApi(path: string, authorization: string | undefined): boolean {
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
