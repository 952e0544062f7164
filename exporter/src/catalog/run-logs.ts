import type { EpochMs } from '../units/instant.ts';

/** What runs have told of themselves, step by step, for whoever asks afterwards what happened and when. */
export interface RunLogs {
  /**
   * Adds a line to a run's log, also after its end: it is verified then. The first line of a run takes the logs of the oldest
   * runs with it where these have been kept for `runLogDays`. Of a run that is not known nothing is kept.
   */
  append(runId: string, line: RunLogLine): Promise<void>;
  /** In the order they came; empty for a run whose log is no longer kept. */
  of(runId: string): Promise<readonly RunLogLine[]>;
}

export interface RunLogLine {
  readonly at: EpochMs;
  readonly level: RunLogLevel;
  /** A sentence for people, without any secret. */
  readonly message: string;
}

export type RunLogLevel = 'info' | 'warn' | 'error';

/** As long as the load is kept that explains a run. */
export const runLogDays = 92;
