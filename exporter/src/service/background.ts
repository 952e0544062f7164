import { randomUUID } from 'node:crypto';
import type { Begun } from '../api/commands.ts';
import type { Failure, RestoreRun, VerificationRun } from '../api/contract.ts';
import type { Backup } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Jobs } from '../run/jobs.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import type { WorkInHand, WorkRegistry } from './work.ts';

type BackgroundRun = VerificationRun | RestoreRun;

export interface BackgroundOptions {
  readonly jobs: () => Jobs;
  readonly registry: WorkRegistry;
  readonly now: () => EpochMs;
  /** The service waits for these when it stops. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Each reads whole backups: more at once would only be slower. */
const mostAtOnce = 4;
/** Of those that have ended; what came of them is in the catalog and the audit log as well. */
const mostRemembered = 500;

/** Verifications and restores that somebody asked for and does not wait for. */
export class Background {
  readonly #options: BackgroundOptions;
  readonly #runs = new Map<string, BackgroundRun>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  find(id: string): BackgroundRun | undefined {
    const run = this.#runs.get(id);
    const progress = run?.status === 'running' ? this.#options.registry.progressOf(id) : undefined;
    return run !== undefined && progress !== undefined ? { ...run, progress } : run;
  }

  verify(backup: Backup): Begun<VerificationRun> {
    const run: VerificationRun = { kind: 'verification', ...this.#begin(backup) };
    const copies = backup.copies.filter(({ status }) => status === 'good' || status === 'damaged').length;
    return this.#start(run, copies * backup.storedBytes, async (work) => {
      const verified = await this.#options.jobs().verify(backup, work);
      const failed = verified.copies.find((copy) => copy.status !== 'passed');
      return {
        ...run,
        status: failed === undefined ? 'completed' : 'failed',
        ...(failed?.error !== undefined && { error: failureOf(failed.error) }),
        copies: verified.copies.map(({ store, status, error, warnings }) => ({
          store,
          status,
          ...(error !== undefined && { error: failureOf(error) }),
          warnings: [...warnings],
        })),
      };
    });
  }

  restore(
    backup: Backup,
    target: { readonly name: string; readonly to: string },
    force: boolean,
  ): Begun<RestoreRun> {
    const run: RestoreRun = { kind: 'restore', ...this.#begin(backup), target: target.name };
    return this.#start(run, backup.storedBytes, async (work) => {
      const { store, warnings } = await this.#options.jobs().restore(backup, target.to, { ...work, force });
      return { ...run, status: 'completed', store, warnings: [...warnings] };
    });
  }

  #begin(backup: Backup): Omit<VerificationRun, 'kind'> {
    const going = [...this.#runs.values()].filter((run) => run.status === 'running').length;
    if (going >= mostAtOnce) {
      throw new LowtideError('run_active', `${going} verifications and restores are going on`, {
        hint: 'Wait for one of them to end, or cancel it.',
        retryable: true,
      });
    }
    const startedAt = toRfc3339(this.#options.now());
    return { id: randomUUID(), backupId: backup.id, status: 'running', startedAt, warnings: [] };
  }

  #start<R extends BackgroundRun>(
    run: R,
    expectedBytes: number,
    work: (inHand: WorkInHand) => Promise<R>,
  ): Begun<R> {
    const { registry, track, now } = this.#options;
    this.#runs.set(run.id, run);
    const inHand = registry.begin(expectedBytes);
    inHand.call(run.id);
    const attempt = async (): Promise<R> => {
      using _inHand = inHand;
      try {
        return await work(inHand);
      } catch (thrown) {
        const cause: unknown = inHand.signal.aborted ? inHand.signal.reason : thrown;
        const error = LowtideError.from(cause);
        const status = error.code === 'cancelled' || error.code === 'interrupted' ? error.code : 'failed';
        return { ...run, status, error: failureOf(error) };
      }
    };
    const ended = attempt().then((end): R => {
      const whole = { ...end, finishedAt: toRfc3339(now()) };
      this.#runs.set(run.id, whole);
      this.#forgetOldest();
      return whole;
    });
    void track(ended.then(() => undefined));
    return { run, ended };
  }

  #forgetOldest(): void {
    for (const [id, { status }] of this.#runs) {
      if (this.#runs.size <= mostRemembered) return;
      if (status !== 'running') this.#runs.delete(id);
    }
  }
}

/** What may be told of it: an unforeseen error's message was written for the log. */
function failureOf(error: LowtideError): Failure {
  const { code, message, hint } = error;
  if (code === 'internal') return { code, message: 'something went wrong here; the log has the details' };
  return { code, message, ...(hint !== undefined && { hint }) };
}
