import { failureView } from '../../api/views.ts';
import type { Installation } from '../../compose.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { OpenTask, TaskReport } from '../../fleet/campaign.ts';
import type { PruneResult } from '../../retention/prune.ts';
import type { WorkRegistry } from '../work.ts';

export interface CampaignPrunesOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Pick<Installation, 'jobs' | 'config' | 'rotator'>;
  readonly registry: WorkRegistry;
  /** The service waits for these when it stops. */
  readonly track: (work: Promise<void>) => Promise<void>;
  /** Puts on record how it begins, and how it ends. */
  readonly note: (
    task: OpenTask,
    outcome: { readonly result: 'started' | 'done' | 'failed'; readonly code?: string },
  ) => Promise<void>;
}

/**
 * The prunes that are this host's tasks. What a killed process has removed is gone, and the next removes what is left: so it is done
 * anew, and that comes to the same.
 */
export class CampaignPrunes {
  readonly #options: CampaignPrunesOptions;
  /** By campaign: how it stands. */
  readonly #begun = new Map<string, TaskReport>();
  readonly #controls = new Map<string, AbortController>();

  constructor(options: CampaignPrunesOptions) {
    this.#options = options;
  }

  /** Sees to it that it goes on, and says how it stands. */
  look(task: OpenTask): TaskReport {
    const begun = this.#begun.get(task.campaign);
    if (begun !== undefined) return begun;
    const running = { state: 'running' } as const;
    this.#begun.set(task.campaign, running);
    void this.#options.track(this.#prune(task));
    return running;
  }

  /** Sees to it that it ends, and says how it stands. */
  end({ campaign }: OpenTask): TaskReport {
    this.#controls.get(campaign)?.abort(new LowtideError('cancelled', 'the campaign was cancelled'));
    return this.#begun.get(campaign) ?? { state: 'cancelled' };
  }

  /** One whose end is written down need not be known any more. */
  forgetAllBut(open: ReadonlySet<string>): void {
    for (const campaign of this.#begun.keys()) if (!open.has(campaign)) this.#begun.delete(campaign);
  }

  async #prune(task: OpenTask): Promise<void> {
    const { installation, registry, note } = this.#options;
    const { jobs, config, rotator } = installation();
    using inHand = registry.begin(undefined);
    const control = new AbortController();
    const signal = AbortSignal.any([inHand.signal, control.signal]);
    this.#controls.set(task.campaign, control);
    await note(task, { result: 'started' });
    try {
      // What a killed rotation has left is put in order first; a store that is not there keeps nobody from the others.
      await rotator.settle(signal).catch(() => undefined);
      const result = await jobs.prune(config.schedules, { signal, scope: 'store', dryRun: false });
      this.#begun.set(task.campaign, reportOf(result));
      await note(task, endOf(result));
    } catch (thrown) {
      const error = LowtideError.from(signal.aborted ? signal.reason : thrown);
      if (control.signal.aborted) this.#begun.set(task.campaign, { state: 'cancelled' });
      // The service stops: the next process does it anew.
      else if (!signal.aborted)
        this.#begun.set(task.campaign, { state: 'failed', error: failureView(error) });
      await note(task, { result: 'failed', code: error.code });
    } finally {
      this.#controls.delete(task.campaign);
    }
  }
}

function reportOf({ removed, freedBytes, problems }: PruneResult): TaskReport {
  const [problem] = problems;
  return {
    state: problem === undefined ? 'completed' : removed > 0 ? 'partial' : 'failed',
    counts: { done: { items: removed, bytes: freedBytes } },
    ...(problem !== undefined && { error: failureView(problem.error) }),
  };
}

function endOf({ problems }: PruneResult): { readonly result: 'done' | 'failed'; readonly code?: string } {
  const [problem] = problems;
  return problem === undefined ? { result: 'done' } : { result: 'failed', code: problem.error.code };
}
