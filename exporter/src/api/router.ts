import express, {
  Router,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { RequestAnswer } from '../catalog/access.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { methodNotAllowed, problem, problemOf, sendProblem, type Problem } from '../http/problem.ts';
import { checkAnswer, type AnswerCheck } from './answers.ts';
import { record, type AuditTrail } from './audit-trail.ts';
import { authenticate, isFromGrafana, secretHashOf, type AuthenticateOptions } from './authenticate.ts';
import type { Caller } from './caller.ts';
import { allowOrigins } from './cors.ts';
import type { EventStreams } from './event-stream.ts';
import { RateLimited } from '../http/guard.ts';
import { handlersFor, type HandlerParts } from './handlers.ts';
import { Once } from './idempotency.ts';
import { openApiDocument } from './openapi.ts';
import { idempotencyKey, readRequest, type ReadRequest } from './requests.ts';
import { waits, type PlainRouteName } from './handling.ts';
import { nowhere, perform } from './perform.ts';
import { routes, type Route } from './routes.ts';

export interface ApiOptions extends HandlerParts {
  readonly authentication: AuthenticateOptions;
  readonly events: EventStreams;
  readonly answers: AnswerCheck;
  readonly corsOrigins: () => readonly string[];
  readonly onAudit: AuditTrail['onAudit'];
  readonly onAuditLost: AuditTrail['onAuditLost'];
  readonly onError: (error: unknown) => void;
}

interface ApiContext extends ApiOptions {
  readonly once: Once;
  readonly trail: AuditTrail;
}

/** Largest body, and longest path with its query. */
const bodyLimit = 64 * 1024;
const urlLimit = 2048;

/** Everything under /api/v1: each request is authenticated, allowed, read, done once, answered, and put on record. */
export function apiRouter(given: ApiOptions): Router {
  const { access } = given.catalog;
  const trail = { ...given, access, now: () => given.commands.now() };
  const options: ApiContext = { ...given, once: new Once(access), trail };
  const router = Router({ caseSensitive: true });
  const document = `${JSON.stringify(openApiDocument(options.commands.version))}\n`;
  router.use(refuseLongUrls, allowOrigins(options.corsOrigins));
  router
    .route('/openapi.json')
    .get((_request, response) => void response.type('json').send(document))
    .all(methodNotAllowed('GET', 'HEAD'));
  for (const [path, methods] of byPath()) {
    const mounted = router.route(path.replaceAll('{id}', ':id'));
    for (const [name, route] of methods) mounted[route.method](...steps(name, route, options));
    const verbs = methods.map(([, { method }]) => method.toUpperCase());
    mounted.all(methodNotAllowed(...verbs, ...(verbs.includes('GET') ? ['HEAD'] : [])));
  }
  router.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const answer = problemOf(error);
    if (answer.status >= 500 && !isPassing(answer)) options.onError(error);
    refuse(request, response, answer, error);
  });
  return router;
}

function byPath(): Map<string, (readonly [string, Route])[]> {
  const paths = new Map<string, (readonly [string, Route])[]>();
  for (const entry of Object.entries(routes) as [string, Route][]) {
    const known = paths.get(entry[1].path);
    if (known === undefined) paths.set(entry[1].path, [entry]);
    else known.push(entry);
  }
  return paths;
}

/** Nothing of a request is read before its caller is known and allowed: strangers cannot make the parser work. */
function steps(name: string, route: Route, options: ApiContext): RequestHandler[] {
  return [
    async (request, response, next) => {
      const caller = await authenticate(request, options.authentication);
      response.locals['caller'] = caller;
      if (!caller.actions.has(route.action)) {
        const refusal = forbidden(caller, route);
        await record(options.trail, caller, route, request.params['id'], {
          result: 'refused',
          code: refusal.code,
        });
        throw refusal;
      }
      next();
    },
    refuseOtherContent,
    express.json({ limit: bodyLimit, type: 'application/json' }),
    async (request, response) => {
      const caller = response.locals['caller'] as Caller;
      const read = readRequest(route, request);
      response.set('Cache-Control', 'no-store');
      if (name === 'followEvents') {
        const { lastEventId } = read.query as { readonly lastEventId?: string };
        await options.events.open(request, response, { lastEventId, secretHash: secretHashOf(request) });
        return;
      }
      // A client that waits for an hour hears nothing for an hour, and must not be taken for one that is gone.
      if (waits(read.query)) request.socket.setTimeout(0);
      await answer(name as PlainRouteName, route, read, caller, request, response, options);
    },
  ];
}

async function answer(
  name: PlainRouteName,
  route: Route,
  read: ReadRequest,
  caller: Caller,
  request: Request,
  response: Response,
  options: ApiContext,
): Promise<void> {
  const work = async (keep: (answer: RequestAnswer) => Promise<void>): Promise<RequestAnswer> => {
    const handled = await perform(name, read, caller, options, (run) => keep({ status: 202, body: run }));
    checkAnswer(name, route, handled, options.answers);
    return { status: handled.status, body: handled.body ?? null };
  };
  const key = route.method === 'post' ? idempotencyKey(request) : undefined;
  const { commands } = options;
  const { answer: made, isReplay } =
    key === undefined
      ? { answer: await work(nowhere), isReplay: false }
      : await options.once.answer(
          {
            caller: caller.token ?? '',
            key,
            method: request.method,
            url: `${request.baseUrl}${request.url}`,
            body: read.body,
            at: commands.now(),
          },
          work,
        );
  if (isReplay) response.set('Idempotency-Replayed', 'true');
  if (response.destroyed) return;
  const { status, body } =
    isReplay && made.status === 202 && waits(read.query) ? await asItStands(made, caller, options) : made;
  response.status(status);
  if (status === 204) response.end();
  else response.type('json').send(`${JSON.stringify(body)}\n`);
}

/** The process that waited for this work has ended; what has become of the work since is on record. */
async function asItStands(begun: RequestAnswer, caller: Caller, context: ApiContext): Promise<RequestAnswer> {
  const { id, kind } = begun.body as { readonly id: string; readonly kind?: string };
  const handlers = handlersFor(context, caller, nowhere);
  const call = { id, query: { host: undefined }, body: undefined };
  const { body } = await (kind === undefined ? handlers.getRotation(call) : handlers.getRun(call));
  return { status: body.status === 'running' ? 202 : 200, body };
}

function forbidden(caller: Caller, { action }: Route): LowtideError {
  if (caller.token === undefined) {
    return new LowtideError('forbidden', 'without a token this host may read, and change nothing', {
      hint: 'lowtide token create --role operator NAME makes a token.',
    });
  }
  const who =
    caller.grafanaUser === undefined
      ? `the token ${caller.token} (${caller.role})`
      : `${caller.grafanaUser}, with the token ${caller.token} (${caller.role}),`;
  return new LowtideError('forbidden', `${who} may not: ${action}`, {
    hint: 'Use a token with a higher role, or grant it to the login under grafana_logins.',
  });
}

function refuse(request: Request, response: Response, answer: Problem, error: unknown): void {
  if (error instanceof RateLimited) response.set('Retry-After', String(error.retryAfterSeconds));
  if (isPassing(answer)) response.set('Retry-After', '30');
  if (answer.status === 401 && isFromGrafana(request)) {
    sendProblem(response, problem(403, answer.detail, { code: answer.code, hint: answer.hint }));
    return;
  }
  if (answer.status === 401) response.set('WWW-Authenticate', 'Bearer realm="lowtide"');
  sendProblem(response, answer);
}

/** Nothing is wrong here: later it will do. */
function isPassing({ code }: Problem): boolean {
  return code === 'too_many_clients' || code === 'stopping';
}

function refuseLongUrls(request: Request, response: Response, next: NextFunction): void {
  if (request.originalUrl.length <= urlLimit) next();
  else sendProblem(response, problem(414, 'The path and query are too long.', { code: 'usage' }));
}

/**
 * Bodies are JSON, and say how long they are: the parser would read what is too long to its end before it refused it, and
 * what has no end for as long as the connection may last.
 */
function refuseOtherContent(request: Request, response: Response, next: NextFunction): void {
  const length = Number(request.headers['content-length'] ?? 0);
  if (request.headers['transfer-encoding'] !== undefined) {
    hangUp(response, problem(411, 'The body does not say how long it is.', { code: 'usage' }));
  } else if (length > bodyLimit) {
    const hint = `At most ${bodyLimit} bytes.`;
    hangUp(response, problem(413, 'The body is too large.', { code: 'usage', hint }));
  } else if (length > 0 && request.is('application/json') !== 'application/json') {
    const hint = 'Send Content-Type: application/json.';
    sendProblem(response, problem(415, 'The body is not JSON.', { code: 'usage', hint }));
  } else {
    next();
  }
}

/** The body stays unread, so that the connection is of no further use. */
function hangUp(response: Response, answer: Problem): void {
  response.set('Connection', 'close');
  sendProblem(response, answer);
}
