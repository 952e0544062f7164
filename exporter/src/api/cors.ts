import type { RequestHandler } from 'express';

/** Lets pages of the configured origins call the API from a browser; without any, there is no CORS at all. */
export function allowOrigins(origins: () => readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers;
    if (origin === undefined || !origins().includes(origin)) {
      next();
      return;
    }
    response.set('Access-Control-Allow-Origin', origin).vary('Origin');
    response.set('Access-Control-Expose-Headers', 'Retry-After, Idempotency-Replayed');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      next();
      return;
    }
    response
      .set('Access-Control-Allow-Methods', 'GET, HEAD, POST, PATCH, DELETE')
      .set('Access-Control-Allow-Headers', 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID')
      .set('Access-Control-Max-Age', '600')
      .status(204)
      .end();
  };
}
