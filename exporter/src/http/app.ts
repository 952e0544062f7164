import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import helmet from 'helmet';
import type { HealthCheck } from '../health/health.ts';
import type { MetricsPages } from '../metrics/page.ts';
import type { Metrics } from '../metrics/registry.ts';
import { landingPage, landingStyleHash, type LandingLink } from './landing.ts';
import { negotiateFormat } from './negotiate.ts';
import { observeRequests } from './observe.ts';
import { methodNotAllowed, problem, problemOf, sendProblem } from './problem.ts';

export interface MountedRouter {
  /** Where the router's own paths begin, as in `/api/v1`. */
  readonly path: string;
  readonly router: Router;
  /** For the landing page. */
  readonly link?: LandingLink;
}

export interface AppOptions {
  readonly version: string;
  readonly instance: string;
  readonly metrics: Metrics<'lowtide_http_request_duration_seconds'>;
  readonly pages: MetricsPages;
  readonly health: () => Promise<readonly HealthCheck[]>;
  /** Whether the service is to stop: then it is not ready, whatever the checks say. Absent: it is not. */
  readonly isStopping?: () => boolean;
  /** What is served beside the public pages of this file; each looks after its own authentication. */
  readonly routers?: readonly MountedRouter[];
  /** Pages in Markdown by their path: those that problems and alerts point at. */
  readonly docs?: Readonly<Record<string, string>>;
  /** Looks at each request before all else: TLS and passwords of the web config. */
  readonly gate?: RequestHandler;
  /** Hears of what was answered with 500 and above. */
  readonly onError: (error: unknown) => void;
}

const publicLinks: readonly LandingLink[] = [
  { href: '/metrics', text: 'Metrics', description: 'For Prometheus, as text 0.0.4 or OpenMetrics.' },
  {
    href: '/-/ready',
    text: 'Readiness',
    description: 'Whether all is in order for the next backup, check by check.',
  },
  { href: '/-/healthy', text: 'Liveness', description: 'Answers as long as the process runs.' },
];

/** The landing page, metrics and health, which are public, and whatever routers are handed in. */
export function createApp(options: AppOptions): Express {
  const { routers = [] } = options;
  const app = express();
  // Hashing every page for an ETag is wasted: no two are equal.
  app.disable('etag').disable('x-powered-by').set('query parser', 'simple');
  // Or each spelling of where a router is mounted would be a route of its own in the metrics.
  app.enable('case sensitive routing');
  app.use(observeRequests(options.metrics));
  app.use(securityHeaders());
  if (options.gate !== undefined) app.use(options.gate);

  const links = [...publicLinks, ...routers.flatMap(({ link }) => (link === undefined ? [] : [link]))];
  const landing = landingPage({ version: options.version, instance: options.instance, links });
  const read = methodNotAllowed('GET', 'HEAD');
  app
    .route('/')
    .get((_request, response) => void response.type('html').send(landing))
    .all(read);
  app
    .route('/metrics')
    .get((request, response) => sendMetrics(options.pages, request, response))
    .all(read);
  app
    .route('/-/healthy')
    .get((_request, response) => void response.type('text/plain').send('Lowtide is running.\n'))
    .all(read);
  app
    .route('/-/ready')
    .get(async (_request, response) => {
      if (options.isStopping?.() === true) sendStopping(response);
      else sendReadiness(await options.health(), response);
    })
    .all(read);
  for (const [path, page] of Object.entries(options.docs ?? {})) {
    app
      .route(path)
      .get((_request, response) => void response.type('text/markdown').send(page))
      .all(read);
  }
  for (const { path, router } of routers) app.use(path, router);

  app.use((_request: Request, response: Response) => {
    sendProblem(
      response,
      problem(404, 'Nothing is served here.', { code: 'not_found', hint: 'GET / tells what is.' }),
    );
  });
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const answer = problemOf(error);
    if (answer.status >= 500) options.onError(error);
    // Half an answer cannot be taken back: hanging up tells the client that it is not whole.
    if (response.headersSent) response.destroy();
    else sendProblem(response, answer);
  });
  return app;
}

/**
 * A policy of our own: helmet's default has `upgrade-insecure-requests`, which sends a browser that follows a link here to https, where
 * nothing listens. Strict-Transport-Security is for whoever ends TLS to add.
 */
function securityHeaders(): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [landingStyleHash],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
  });
}

async function sendMetrics(pages: MetricsPages, request: Request, response: Response): Promise<void> {
  const page = await pages(negotiateFormat(request.headers.accept));
  response
    .set({ 'Content-Type': page.contentType, 'Cache-Control': 'no-store' })
    .vary('Accept')
    .vary('Accept-Encoding');
  if (request.acceptsEncodings('gzip', 'identity') === 'gzip') {
    response.set('Content-Encoding', 'gzip').send(await page.gzipped());
  } else {
    response.send(page.body);
  }
}

function sendStopping(response: Response): void {
  response.set('Cache-Control', 'no-store');
  sendProblem(response, problem(503, 'The service is being stopped.', { code: 'stopping' }));
}

function sendReadiness(checks: readonly HealthCheck[], response: Response): void {
  response.set('Cache-Control', 'no-store');
  const failing = checks.filter((check) => !check.ok).map((check) => check.type);
  if (failing.length === 0) {
    response.json({ status: 'ready', checks });
    return;
  }
  const detail = `${failing.length} of ${checks.length} checks fail: ${failing.join(', ')}.`;
  sendProblem(response, problem(503, detail, { checks }));
}
