import type { Request } from 'express';
import type { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { explainIssue } from './explain.ts';
import type { Route } from './routes.ts';
import { id as idSchema } from './schemas/common.ts';

/** What a request says, as far as the route's schemas let it through. */
export interface ReadRequest {
  readonly id: string;
  readonly query: unknown;
  readonly body: unknown;
}

/** Throws `usage` with every mistake, `not_found` for an id that nothing can have. */
export function readRequest(route: Route, request: Request): ReadRequest {
  const { id } = request.params;
  if (id !== undefined && !(route.id ?? idSchema).safeParse(id).success) {
    throw new LowtideError('not_found', 'nothing can have this id', {
      hint: 'Ids are letters, digits, and . _ : - within.',
    });
  }
  return {
    id: typeof id === 'string' ? id : '',
    query: readQuery(route, request),
    body: readBody(route, request),
  };
}

function readQuery(route: Route, request: Request): unknown {
  if (route.query !== undefined) return parsed(route.query, { ...request.query }, 'query');
  const [unknown] = Object.keys(request.query);
  if (unknown === undefined) return undefined;
  throw new LowtideError('usage', 'this takes no query parameters', {
    hint: 'Leave out what follows the ?.',
  });
}

function readBody(route: Route, request: Request): unknown {
  const body: unknown = request.body;
  if (route.body !== undefined) return parsed(route.body, body, 'body');
  const isEmpty =
    body === undefined || (typeof body === 'object' && body !== null && Object.keys(body).length === 0);
  if (isEmpty) return undefined;
  throw new LowtideError('usage', 'this takes no body', { hint: 'Send none, or {}.' });
}

function parsed(schema: z.ZodType, value: unknown, where: string): unknown {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const mistakes = result.error.issues.slice(0, 10).map((issue) => {
    const at = [where, ...issue.path.map(String)].join('.');
    return `${at.slice(0, 100)}: ${explainIssue(issue, schema).slice(0, 300)}`;
  });
  throw new LowtideError('usage', `the request is not as described: ${mistakes.join('; ')}`, {
    hint: 'GET /api/v1/openapi.json describes every request.',
  });
}

/** What the caller has named the request; undefined where it has not. Throws `usage`. */
export function idempotencyKey(request: Request): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new LowtideError('usage', 'the Idempotency-Key is none', {
    hint: 'Up to 200 visible ASCII characters, as a UUID has.',
  });
}
