import type { RelayedRequest } from 'lowtide/api';
import { now } from '../lib/clock.ts';
import type { Exporter } from './client.ts';

const lookMs = 1500;
/** A host has two minutes, and may then be over it for a while. */
const mostMs = 4 * 60_000;

/** The request once the other host has done it, or will not any more. Looks that get no answer are made again. */
export async function settled(
  exporter: Pick<Exporter, 'request'>,
  request: RelayedRequest,
): Promise<RelayedRequest> {
  const until = now() + mostMs;
  let latest = request;
  while ((latest.state === 'waiting' || latest.state === 'taken') && now() < until) {
    await new Promise((resolve) => window.setTimeout(resolve, lookMs));
    latest = await exporter.request(request.id).catch(() => latest);
  }
  return latest;
}
