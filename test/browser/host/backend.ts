import { Observable } from 'rxjs';

interface Options {
  readonly url: string;
  readonly method?: string;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Grafana's BackendSrv as far as plugins see it: what it answers, and what it fails with. */
export const backend = {
  fetch: (options: Options): Observable<unknown> =>
    new Observable((subscriber) => {
      const abort = new AbortController();
      send(options, abort.signal).then(
        (response) => {
          subscriber.next(response);
          subscriber.complete();
        },
        (failure: unknown) => subscriber.error(failure),
      );
      return () => abort.abort();
    }),
  get: async (url: string, params?: Options['params']): Promise<unknown> =>
    (await send({ url, ...(params !== undefined && { params }) })).data,
  post: async (url: string, data?: unknown): Promise<unknown> =>
    (await send({ url, method: 'POST', data })).data,
};

interface Response {
  readonly data: unknown;
  readonly status: number;
  readonly ok: boolean;
}

async function send(options: Options, signal?: AbortSignal): Promise<Response> {
  const { url, method = 'GET', data, headers = {}, params = {} } = options;
  const query = new URLSearchParams(
    Object.entries(params).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
    ),
  );
  const address = new URL(url, document.baseURI);
  for (const [name, value] of query) address.searchParams.append(name, value);
  const response = await fetch(address, {
    method,
    headers: { ...(data !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(data !== undefined && { body: JSON.stringify(data) }),
    ...(signal !== undefined && { signal }),
  }).catch((error: unknown) => {
    throw Object.assign({}, { status: undefined, statusText: String(error), data: {}, config: options });
  });
  const body = parsed(await response.text());
  const { status, statusText, ok } = response;
  if (!ok) throw Object.assign({}, { status, statusText, data: body, config: options });
  return { data: body, status, ok };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
