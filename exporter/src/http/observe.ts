import { performance } from 'node:perf_hooks';
import type { NextFunction, Request, Response } from 'express';
import type { Metrics } from '../metrics/registry.ts';

type RequestMetrics = Metrics<'lowtide_http_request_duration_seconds'>;

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** As nginx has it: the client went away before the answer was sent. */
const clientWentAway = 499;

/** Measures each request. Labels are made of routes, not of paths: whoever scans the port adds no series. */
export function observeRequests(
  metrics: RequestMetrics,
): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    const start = performance.now();
    response.once('close', () => {
      const labels = {
        route: routeOf(request),
        method: methods.has(request.method) ? request.method : 'other',
        code: String(response.writableFinished ? response.statusCode : clientWentAway),
      };
      metrics.lowtide_http_request_duration_seconds.observe(labels, (performance.now() - start) / 1000);
    });
    next();
  };
}

function routeOf(request: Request): string {
  const route: unknown = request.route;
  if (typeof route !== 'object' || route === null || !('path' in route)) return 'none';
  return typeof route.path === 'string' ? `${request.baseUrl}${route.path}` : 'none';
}
