import type { RunLogLevel, RunLogs } from '../catalog/run-logs.ts';
import type { Run, RunEnd } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { formatDuration } from '../units/duration.ts';
import { toRfc3339 } from '../units/instant.ts';
import { strainTexts, type Strained } from './pace.ts';

/** A host that is busy off and on stops a long run hundreds of times. */
const mostLines = 300;

const beginnings: Readonly<Record<Run['trigger'], string>> = {
  schedule: 'begun by its schedule',
  manual: 'begun from the command line',
  api: 'begun through the API',
};

/**
 * What a run tells of itself. A line that cannot be kept (the disk is full) is no reason to end a backup, and no line is waited
 * for: they are written one after the other, and `written` says when all are.
 */
export class RunLog {
  readonly #runId: string;
  readonly #logs: Pick<RunLogs, 'append'>;
  readonly #clock: Pick<Clock, 'now'>;
  #lines = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(runId: string, logs: Pick<RunLogs, 'append'>, clock: Pick<Clock, 'now'>) {
    this.#runId = runId;
    this.#logs = logs;
    this.#clock = clock;
  }

  /** `repository`: of another tool, in the place of stores. */
  begun({ trigger, dueAt, stores }: Run, repository?: string): void {
    const due = dueAt === undefined ? '' : `, due at ${toRfc3339(dueAt)}`;
    this.info(`${beginnings[trigger]}${due}, to be stored in ${repository ?? stores.join(', ')}`);
  }

  sealedTo(keyId: string, recoveryKeys: number): void {
    const others = recoveryKeys === 1 ? ' and a recovery key' : ` and ${recoveryKeys} recovery keys`;
    this.info(`what comes is sealed to ${keyId}${recoveryKeys === 0 ? '' : others}`);
  }

  paced(why: Strained | undefined): void {
    this.info(
      why === undefined ? 'goes on as fast as it can' : `makes way for the host: ${strainTexts[why]}`,
    );
  }

  ended({ status, error, pausedSeconds = 0 }: RunEnd): void {
    const seconds = Math.round(pausedSeconds);
    const stopped = seconds === 0 ? '' : `, after ${formatDuration(1000 * seconds)} of standing still`;
    if (error === undefined) this.info(`${status}${stopped}`);
    else this.error([`${status}${stopped}: ${error.message}`, error.hint ?? ''].join(' ').trim());
  }

  info(message: string): void {
    this.#lines += 1;
    if (this.#lines < mostLines) this.#tell('info', message);
    else if (this.#lines === mostLines) this.#tell('info', 'and more of this kind, which is left out');
  }

  warn(message: string): void {
    this.#tell('warn', message);
  }

  error(message: string): void {
    this.#tell('error', message);
  }

  /** Resolves once all that was told so far has been written. */
  async written(): Promise<void> {
    await this.#written;
  }

  #tell(level: RunLogLevel, message: string): void {
    const line = { at: this.#clock.now(), level, message };
    // The end of the run will say what is wrong with the catalog.
    this.#written = this.#written.then(() => this.#logs.append(this.#runId, line)).catch(() => undefined);
  }
}
