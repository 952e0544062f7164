import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { GoodCopy } from '../catalog/copies.ts';
import type { Installation } from '../compose.ts';
import type { WatchedStore } from '../health/facts.ts';
import type { FullReadFacts } from '../metrics/from-state.ts';
import { dueReads, isOverdue } from '../run/due-reads.ts';
import type { Judgement } from '../run/judge.ts';
import type { EpochMs } from '../units/instant.ts';
import { describe } from './describe.ts';
import { KeptAnswer } from './kept-answer.ts';
import { keepLooking } from './keep-looking.ts';
import type { Logger } from './log.ts';
import type { QuietTime } from './quiet-time.ts';
import { stopping } from './rotation-policy.ts';

export interface FullReadPolicyOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Installation;
  readonly log: Logger;
  readonly quiet: Pick<QuietTime, 'isNow' | 'pace'>;
  /** As they were found when they were last tried. */
  readonly stores: () => readonly WatchedStore[];
  /** Makes the service wait for this before it ends. */
  readonly track: (work: Promise<void>) => Promise<void>;
}

/** Clocks are set, hosts sleep: nothing is relied on for longer. */
const lookEveryMs = 15_000;
/** After a copy could not be read: it lies in an archive, say. */
const tryAgainMs = 6 * 3_600_000;

/** Copies of one store that are to be read within the same time. */
interface Group {
  readonly store: string;
  readonly withinMs: number;
  readonly copies: GoodCopy[];
}

/** Reads every copy in full within the time that its schedule gives (`verify.full_read`), a few each day, while the host is quiet. */
export class FullReadPolicy {
  readonly #options: FullReadPolicyOptions;
  readonly #groups = new KeptAnswer(groupsOf);
  readonly #unreadable = new Map<string, EpochMs>();
  #facts: FullReadFacts = {};

  constructor(options: FullReadPolicyOptions) {
    this.#options = options;
  }

  /** By store, as of the last look; stores without copies that are read are left out. */
  facts(): FullReadFacts {
    return this.#facts;
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
        failure: 'copies could not be read in their turn',
      },
      signal,
    );
  }

  /** Reads what is due now, and is not to wait. */
  async look(signal: AbortSignal): Promise<void> {
    const installation = this.#options.installation();
    const { clock } = installation;
    const groups = await this.#groups.from(installation);
    const now = clock.now();
    this.#facts = factsOf(groups, now);
    const stop = stopping(signal);
    const up = new Set(
      this.#options.stores().flatMap(({ id, lastCheck }) => (lastCheck?.up === true ? [id] : [])),
    );
    for (const { store, withinMs, copies } of groups) {
      if (!up.has(store)) continue;
      for (const { copy, dueAt } of dueReads(copies, { now, withinMs })) {
        if (signal.aborted) return;
        if ((this.#unreadable.get(keyOf(copy)) ?? -Infinity) > clock.now()) continue;
        if (!(await this.#options.quiet.isNow(dueAt))) break;
        const at = await this.#read(copy, stop);
        // The list may be asked for again before it is made anew.
        if (at !== undefined) copies[copies.indexOf(copy)] = { ...copy, knownAt: at, readAt: at };
      }
    }
  }

  /** Resolves with when that was; undefined where it could not be read. */
  async #read(copy: GoodCopy, signal: AbortSignal): Promise<EpochMs | undefined> {
    const { installation, quiet } = this.#options;
    const { catalog, jobs, clock } = installation();
    const backup = await catalog.backup(copy.backupId);
    if (backup === undefined) return undefined;
    using paced = quiet.pace(copy.bytes, signal);
    const judged = await jobs.readInFull(backup, copy.store, {
      signal,
      turn: () => paced.turn(),
      onProgress: (bytes) => paced.onProgress(bytes),
    });
    if (judged.status === 'unable') this.#unreadable.set(keyOf(copy), clock.now() + tryAgainMs);
    else this.#unreadable.delete(keyOf(copy));
    this.#report(copy, judged);
    return judged.status === 'unable' ? undefined : clock.now();
  }

  #report({ backupId: backup, store }: GoodCopy, judged: Judgement): void {
    const { log } = this.#options;
    const fields = { backup, store };
    if (judged.status === 'passed') log.debug(fields, 'a copy was read in its turn, and is what was stored');
    else if (judged.status === 'failed') {
      log.error({ ...fields, err: describe(judged.error) }, `a copy is damaged: ${judged.error.message}`);
    } else {
      log.warn(
        { ...fields, err: describe(judged.error) },
        `a copy could not be read: ${judged.error.message}`,
      );
    }
  }
}

/** By the catalog alone. */
async function groupsOf({ catalog, config, stores }: Installation): Promise<readonly Group[]> {
  const groups = new Map<string, Group>();
  for (const { id, verify } of config.schedules) {
    const { full_read: withinMs } = verify;
    if (withinMs === undefined) continue;
    await letOthersRun();
    for (const copy of await catalog.copies.good(id)) {
      // What lies in a store that the config no longer has cannot be read.
      if (!stores.has(copy.store)) continue;
      const key = `${copy.store} ${withinMs}`;
      const group = groups.get(key) ?? { store: copy.store, withinMs, copies: [] };
      group.copies.push(copy);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

function factsOf(groups: readonly Group[], now: EpochMs): FullReadFacts {
  const facts: Record<string, { oldestAt: EpochMs; overdue: number }> = {};
  for (const { store, withinMs, copies } of groups) {
    const known = (facts[store] ??= { oldestAt: Infinity, overdue: 0 });
    for (const copy of copies) {
      known.oldestAt = Math.min(known.oldestAt, copy.knownAt);
      if (isOverdue(copy, { now, withinMs })) known.overdue += 1;
    }
  }
  return facts;
}

function keyOf({ backupId, store }: GoodCopy): string {
  return `${backupId} ${store}`;
}
