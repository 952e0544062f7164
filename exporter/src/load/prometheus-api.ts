import { z } from 'zod';

/** The HTTP API of a Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/. */
export interface PrometheusAccess {
  /** May have a user and a password, for a server that wants them (basic auth). */
  readonly url: string;
  readonly bearerToken?: string;
  /** For one query. */
  readonly timeoutMs: number;
}

/** It has answered, with what is of no use; the message says with what. */
export class Refused extends Error {}

const errorSchema = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() });

/** The answer's `data`. Throws `Refused`, what fetch throws, and the signal's reason; `reasonOf` puts them into words. */
export async function askPrometheus<T>(
  { url, bearerToken, timeoutMs }: PrometheusAccess,
  path: 'query' | 'query_range',
  parameters: Readonly<Record<string, string>>,
  data: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T> {
  const { address, credentials } = addressOf(url);
  const authorization = bearerToken === undefined ? credentials : `Bearer ${bearerToken}`;
  const response = await fetch(`${address}/api/v1/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    headers: authorization === undefined ? {} : { Authorization: authorization },
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  const json: unknown = await response.json().catch(() => undefined);
  const failed = errorSchema.safeParse(json);
  if (failed.success) throw new Refused(`${failed.data.errorType}: ${failed.data.error}`);
  const answer = z.object({ status: z.literal('success'), data }).safeParse(json);
  if (answer.success) return answer.data.data;
  throw new Refused(`it answers ${response.status} with something that is no Prometheus answer`);
}

/** fetch refuses a URL with a password in it, and says it in the error. */
function addressOf(text: string): { readonly address: string; readonly credentials: string | undefined } {
  const url = new URL(text);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return {
    address: url.href.replace(/\/+$/, ''),
    credentials: username === '' && password === '' ? undefined : `Basic ${credentials}`,
  };
}

/** A `%` that encodes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Why there is no answer, as part of a sentence. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Refused) return thrown.message;
  if (thrown instanceof Error && thrown.name === 'TimeoutError') return 'it has not answered in time';
  return `it cannot be reached (${causeOf(thrown)})`;
}

/** fetch says "fetch failed"; what failed stands in its cause. */
function causeOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? cause.message : String(cause);
}
