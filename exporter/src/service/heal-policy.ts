import type { Installation } from '../compose.ts';
import type { WaitingCopies, WatchedStore } from '../health/facts.ts';
import { HealBackoff } from '../heal/backoff.ts';
import type { HealOutcome, HealPlan, HealTask } from '../heal/heal.ts';
import type { EpochMs } from '../units/instant.ts';
import { formatSize } from '../units/size.ts';
import { describe } from './describe.ts';
import { KeptAnswer } from './kept-answer.ts';
import { keepLooking } from './keep-looking.ts';
import type { Logger } from './log.ts';
import type { QuietTime } from './quiet-time.ts';
import { stopping } from './rotation-policy.ts';

export interface HealPolicyOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly log: Logger;
  readonly quiet: Pick<QuietTime, 'isNow' | 'pace'>;
  /** As they were found when they were last tried. */
  readonly stores: () => readonly WatchedStore[];
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Makes the service wait for this before it ends. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Clocks are set, hosts sleep: nothing is relied on for longer. */
const lookEveryMs = 15_000;

/**
 * Makes copies good that failed, are damaged or are missing: one at a time, the newest backups first, while the host is quiet and
 * no backup is being made; soon after a store came back, and where it fails after ever longer times.
 */
export class HealPolicy {
  readonly #options: HealPolicyOptions;
  readonly #backoff: HealBackoff;
  readonly #plan = new KeptAnswer<Installation, HealPlan>(async ({ healer }) => await healer.plan());
  /** When each copy was first found to wait, by backup and store. */
  #since = new Map<string, EpochMs>();
  #down: ReadonlySet<string> = new Set();
  #told: ReadonlySet<string> = new Set();

  constructor(options: HealPolicyOptions) {
    this.#options = options;
    this.#backoff = new HealBackoff(options.random);
  }

  /** The copies that wait to be made good, by store; empty before the first look. */
  waiting(): Readonly<Record<string, WaitingCopies>> {
    const plan = this.#plan.last;
    if (plan === undefined) return {};
    const byStore = Map.groupBy(plan.tasks, ({ store }) => store);
    return Object.fromEntries(
      [...this.#options.installation().stores.keys()].map((store) => {
        const tasks = byStore.get(store) ?? [];
        const since = Math.min(...tasks.map((task) => this.#since.get(keyOf(task)) ?? Infinity));
        return [store, { copies: tasks.length, ...(Number.isFinite(since) && { since }) }];
      }),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { installation, log, track } = this.#options;
    await keepLooking(
      () => this.look(signal),
      {
        clock: () => installation().clock,
        everyMs: lookEveryMs,
        track,
        log,
        failure: 'copies could not be looked after',
      },
      signal,
    );
  }

  /** Makes good what may be made good now. */
  async look(signal: AbortSignal): Promise<void> {
    const { installation } = this.#options;
    const { healer, catalog, clock } = installation();
    const stop = stopping(signal);
    await healer.recover(stop);
    this.#noteStores();
    const { tasks, lost } = await this.#plan.from(installation());
    this.#since = new Map(tasks.map((task) => [keyOf(task), this.#since.get(keyOf(task)) ?? clock.now()]));
    this.#tellLost(lost);
    const refusing = new Set<string>();
    // The one that has waited longest: else the newest ones would have it wait for ever.
    const since = Math.min(...this.#since.values());
    for (const task of tasks) {
      const now = clock.now();
      if (signal.aborted) return;
      if (this.#down.has(task.store) || refusing.has(task.store) || this.#backoff.isWaiting(task, now))
        continue;
      // The plan may be older than what was made good since.
      const copy = (await catalog.backup(task.backupId))?.copies.find(({ store }) => store === task.store);
      if (copy?.status === 'good') continue;
      if (!(await this.#options.quiet.isNow(since))) return;
      const outcome = await this.#heal(task, stop);
      // Whatever it is, the next copy would meet it as well.
      if (outcome.status !== 'healed') refusing.add(task.store);
    }
  }

  async #heal(task: HealTask, signal: AbortSignal): Promise<HealOutcome> {
    const { installation, quiet } = this.#options;
    const { healer, clock } = installation();
    using paced = quiet.pace(task.storedBytes, signal);
    const outcome = await healer.heal(task, {
      signal,
      turn: () => paced.turn(),
      onProgress: (bytes) => paced.onProgress(bytes),
    });
    if (outcome.status === 'healed') this.#backoff.succeeded(task);
    else this.#backoff.failed(task, outcome.error, clock.now());
    this.#report(task, outcome);
    return outcome;
  }

  #report({ backupId: backup, store, schedule }: HealTask, { status, error, bytes }: HealOutcome): void {
    const { log } = this.#options;
    const fields = { schedule, backup, store };
    if (status === 'healed') {
      log.info(fields, `a copy was made good from another one: ${formatSize(bytes)} written`);
    } else if (error !== undefined) {
      const text = `a copy could not be made good: ${error.message}`;
      if (status === 'failed') log.warn({ ...fields, err: describe(error) }, text);
      else log.info(fields, text);
    }
  }

  #noteStores(): void {
    const stores = this.#options.stores();
    const down = new Set(stores.flatMap(({ id, lastCheck }) => (lastCheck?.up === true ? [] : [id])));
    for (const store of this.#down) if (!down.has(store)) this.#backoff.cameBack(store);
    this.#down = down;
  }

  /** Once for each backup; of one that goes to a single store nobody expects others. */
  #tellLost(lost: HealPlan['lost']): void {
    const { schedules } = this.#options.installation().config;
    const several = new Set(schedules.flatMap(({ id, stores }) => (stores.length > 1 ? [id] : [])));
    for (const { backupId, schedule } of lost) {
      if (this.#told.has(backupId) || !several.has(schedule)) continue;
      this.#options.log.warn(
        { schedule, backup: backupId },
        'no good copy of a backup is left to make others from: what is there is left as it is',
      );
    }
    this.#told = new Set(lost.map(({ backupId }) => backupId));
  }
}

function keyOf({ backupId, store }: HealTask): string {
  return `${backupId} ${store}`;
}
