import { randomUUID } from 'node:crypto';
import type { Begun } from '../api/commands.ts';
import type { RestoreRun, VerificationRun } from '../api/contract.ts';
import { backgroundRunView, failureView, verdictView } from '../api/views.ts';
import type { BackgroundEnd, BackgroundRun, NewBackgroundRun } from '../catalog/background.ts';
import type { Backup } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';
import type { WorkInHand, WorkRegistry } from './work.ts';

export interface BackgroundOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Pick<Installation, 'catalog' | 'clock' | 'jobs'>;
  readonly registry: WorkRegistry;
  readonly log: Logger;
  /** The service waits for these when it stops. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Each reads whole backups: more at once would only be slower. */
const mostAtOnce = 4;

type Outcome = Omit<BackgroundEnd, 'finishedAt'>;

/** Verifications and restores that somebody asked for through the API; the catalog has what came of them. */
export class Background {
  readonly #options: BackgroundOptions;
  readonly #going = new Set<string>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** What every start does: says of those whose process is gone that they were interrupted. */
  async recover(): Promise<void> {
    const { installation, log } = this.#options;
    const { catalog, clock } = installation();
    for (const { id, kind, backupId } of await catalog.background.interruptOrphans(
      this.#going,
      clock.now(),
    )) {
      log.warn({ run: id, backup: backupId }, `a ${kind} was cut off when its process ended`);
    }
  }

  async verify(backup: Backup): Promise<Begun<VerificationRun>> {
    const copies = backup.copies.filter(({ status }) => status === 'good' || status === 'damaged').length;
    const begun = await this.#begin(
      { kind: 'verification' },
      backup,
      copies * backup.storedBytes,
      async (work) => {
        const verified = await this.#options.installation().jobs.verify(backup, work);
        const failed = verified.copies.find((copy) => copy.status !== 'passed');
        return {
          status: failed === undefined ? 'completed' : 'failed',
          ...(failed?.error !== undefined && { error: failureView(failed.error) }),
          copies: verified.copies.map(verdictView),
          warnings: [],
        };
      },
    );
    return begun as Begun<VerificationRun>;
  }

  async restore(
    backup: Backup,
    target: { readonly name: string; readonly to: string },
    force: boolean,
  ): Promise<Begun<RestoreRun>> {
    const what = { kind: 'restore', target: target.name } as const;
    const begun = await this.#begin(what, backup, backup.storedBytes, async (work) => {
      const { jobs } = this.#options.installation();
      const { store, warnings } = await jobs.restore(backup, target.to, { ...work, force });
      return { status: 'completed', store, warnings };
    });
    return begun as Begun<RestoreRun>;
  }

  async #begin(
    what: Pick<NewBackgroundRun, 'kind' | 'target'>,
    backup: Backup,
    expectedBytes: number,
    work: (inHand: WorkInHand) => Promise<Outcome>,
  ): Promise<Begun<VerificationRun | RestoreRun>> {
    this.#refuseTooMany();
    const { registry, track, installation } = this.#options;
    const { catalog, clock } = installation();
    const id = randomUUID();
    // Before it is on record: what is on record, and worked on by nobody, was cut off.
    this.#going.add(id);
    let run: BackgroundRun;
    try {
      run = await catalog.background.start({ ...what, id, backupId: backup.id, startedAt: clock.now() });
    } catch (thrown) {
      this.#going.delete(id);
      throw thrown;
    }
    const inHand = registry.begin(expectedBytes);
    inHand.call(run.id, 'run');
    const ended = this.#outcomeOf(inHand, work).then(async (outcome) =>
      backgroundRunView(await this.#finish(run, outcome), undefined),
    );
    void track(ended.then(() => undefined));
    return { run: backgroundRunView(run, registry.progressOf(run.id)), ended };
  }

  #refuseTooMany(): void {
    const { size } = this.#going;
    if (size < mostAtOnce) return;
    throw new LowtideError('run_active', `${size} verifications and restores are going on`, {
      hint: 'Wait for one of them to end, or cancel it.',
      retryable: true,
    });
  }

  async #outcomeOf(inHand: WorkInHand, work: (inHand: WorkInHand) => Promise<Outcome>): Promise<Outcome> {
    using _inHand = inHand;
    try {
      return await work(inHand);
    } catch (thrown) {
      const cause: unknown = inHand.signal.aborted ? inHand.signal.reason : thrown;
      const error = LowtideError.from(cause);
      const status = error.code === 'cancelled' || error.code === 'interrupted' ? error.code : 'failed';
      return { status, error: failureView(error), warnings: [] };
    }
  }

  /** A catalog that cannot be written keeps it as running, and calls it interrupted at the next start. */
  async #finish(run: BackgroundRun, outcome: Outcome): Promise<BackgroundRun> {
    const { installation, log } = this.#options;
    const { catalog, clock } = installation();
    const end = { ...outcome, finishedAt: clock.now() };
    try {
      return await catalog.background.finish(run.id, end);
    } catch (thrown) {
      log.error({ run: run.id, err: describe(thrown) }, `the end of a ${run.kind} could not be recorded`);
      return { ...run, ...end };
    } finally {
      this.#going.delete(run.id);
    }
  }
}
