import type { Installation } from '../compose.ts';
import { followPrometheus } from '../load/history-follower.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

/** Takes over what a Prometheus knows of this host's load, where the config names one. */
export async function followHistory(
  { config, catalog, clock }: Installation,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const prometheus = config.load.history?.prometheus;
  if (prometheus === undefined) return;
  const onProblem = (problem: Error): void => log.warn({ err: describe(problem) }, problem.message);
  await followPrometheus({ prometheus, history: catalog.load, clock, onProblem }, signal);
}
