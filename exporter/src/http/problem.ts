import { STATUS_CODES } from 'node:http';
import type { Request, Response } from 'express';
import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * How errors leave by HTTP: RFC 9457 problem details. `type` stays `about:blank` (the status says it all); what programs
 * branch on is the extension member `code`, one of errors/codes.ts. `hint` is the remedy.
 */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code?: string;
  readonly hint?: string;
  /** Where the code is explained, on this server. */
  readonly docs?: string;
  readonly [extension: string]: unknown;
}

/** The page that explains every code, served by app.ts. */
const errorsPath = '/docs/errors.md';

export const problemType = 'application/problem+json';

export function problem(
  status: number,
  detail: string,
  more: Readonly<Record<string, unknown>> = {},
): Problem {
  const docs = 'code' in more ? { docs: errorsPath } : {};
  return { ...docs, ...more, type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}

/**
 * What may be told of an error: refusals in their own words, mistakes of the request as the HTTP layer names them, and of
 * anything unforeseen nothing at all, for its message was written for the log.
 */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof LowtideError && thrown.code !== 'internal') {
    const { code, hint, message } = thrown;
    return problem(thrown.facts.http, message, { code, ...(hint !== undefined && { hint }) });
  }
  const status = requestErrorStatus(thrown);
  if (status !== undefined) return problem(status, 'The request cannot be read.', { code: 'usage' });
  return problem(500, 'Something went wrong here; the log has the details.', { code: 'internal' });
}

/** Express and its parsers mark what the client did wrong with a status of 400 to 499. */
function requestErrorStatus(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('status' in thrown)) return undefined;
  const { status } = thrown;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

export function sendProblem(response: Response, answer: Problem): void {
  response
    .status(answer.status)
    .type(problemType)
    .send(`${JSON.stringify(answer)}\n`);
}

/** For `route(...).all`, after the methods that are served. */
export function methodNotAllowed(
  ...methods: readonly string[]
): (request: Request, response: Response) => void {
  const allowed = methods.join(', ');
  return (request, response) => {
    response.set('Allow', allowed);
    sendProblem(
      response,
      problem(405, `${request.method} is not served here.`, { code: 'usage', hint: `Use ${allowed}.` }),
    );
  };
}
