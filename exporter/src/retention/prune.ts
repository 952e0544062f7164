import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { Backup, Catalog } from '../catalog/catalog.ts';
import { keepIn } from '../config/keep.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { isManifestName } from '../store/manifest.ts';
import type { ObjectLock, Store, StoredObject } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { decideRetention, type RetentionVerdict } from './retention.ts';
import { copyIn, isWhole, type StoredCopy } from './stored-copy.ts';

/**
 * Removes from each store what the schedules' keep rules no longer keep there. The order of one removal:
 *
 * 1. The copy is marked `pruned` in the catalog, with the reason. From here on nobody restores it or counts it as good.
 * 2. Its parts are deleted.
 * 3. Its manifest is deleted, last: as long as anything lies in the store, a manifest there tells what it is.
 *
 * A crash between 1 and 3 leaves a manifest of a copy that the catalog calls pruned; the next prune looks for these
 * first and finishes. Should the catalog be lost in between, a rebuild finds either a whole backup, which is decided on
 * anew, or one that lacks a part: that is filed as damaged, counts for no rule, and goes. Deleting the manifest first
 * would leave data that nothing names; marking the catalog last would, after a crash, leave a torn backup on file as
 * good, and more generous rules could then count on it.
 *
 * What somebody has locked (object lock, legal hold, immutability) is left as it is, in the catalog as well, and told: a
 * deletion would be refused, or hide it while it is paid for still.
 *
 * A copy counts for a rule, and so allows an older one to go, only where the store shows it whole at this moment: all
 * parts in their full size, and the manifest. A store that is not mounted therefore loses nothing.
 */
export interface PruneOptions {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  /** Backups of schedules that are not among these are left alone: nobody said what to keep of them. */
  readonly schedules: readonly Pick<ScheduleConfig, 'id' | 'keep' | 'timezone'>[];
  /**
   * `schedules`: only what these have is looked at, as after each backup. `store`: everything in the stores is, so that a removal
   * that was cut off is finished also where its schedule is gone.
   */
  readonly scope: 'schedules' | 'store';
  readonly now: EpochMs;
  /** Decide only: the same verdicts, and nothing is removed. */
  readonly dryRun?: boolean;
  readonly signal: AbortSignal;
}

/** What was decided on one copy. */
interface PruneVerdict {
  readonly schedule: string;
  readonly store: string;
  readonly backupId: string;
  readonly createdAt: EpochMs;
  /** Bytes of this copy. */
  readonly storedBytes: number;
  readonly keep: boolean;
  readonly reasons: readonly string[];
  /** What keeps a copy that no rule keeps; it is tried again by the next prune. */
  readonly locked?: ObjectLock;
}

export interface PruneResult {
  /** By store and schedule, newest first. */
  readonly verdicts: readonly PruneVerdict[];
  /** Copies removed, those included that an earlier prune had begun to remove. */
  readonly removed: number;
  readonly freedBytes: number;
  /** What kept a store from being pruned to the end; nothing was lost by it. */
  readonly problems: readonly PruneProblem[];
}

interface PruneProblem {
  readonly store: string;
  readonly error: LowtideError;
}

/** Throws the signal's reason on abort (between two copies), and what the catalog throws when it cannot be written. */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const results: PruneResult[] = [];
  for (const store of options.stores.values()) results.push(await new StorePruner(store, options).prune());
  return sumOf(results);
}

export function sumOf(results: readonly PruneResult[]): PruneResult {
  return {
    verdicts: results.flatMap(({ verdicts }) => verdicts),
    removed: results.reduce((sum, { removed }) => sum + removed, 0),
    freedBytes: results.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
    problems: results.flatMap(({ problems }) => problems),
  };
}

type Listing = ReadonlyMap<string, StoredObject>;

/** A bucket with locks may keep thousands of copies that no rule keeps, and each is asked for again. */
const lookedAtOnce = 16;

/** Read at once, while nothing else is done. */
const pageSize = 100;

class StorePruner {
  readonly #store: Store;
  readonly #options: PruneOptions;
  /** By backup, in the order in which they are told. */
  readonly #verdicts = new Map<string, PruneVerdict>();
  readonly #problems: PruneProblem[] = [];
  #removed = 0;
  #freedBytes = 0;

  constructor(store: Store, options: PruneOptions) {
    this.#store = store;
    this.#options = options;
  }

  async prune(): Promise<PruneResult> {
    // The catalog before the store: what is on file as good by then is there to be listed.
    const copies = await this.#copies('completed');
    const listing = await this.#list(copies);
    if (listing !== undefined) await this.#pruneListed(copies, listing);
    return {
      verdicts: [...this.#verdicts.values()],
      removed: this.#removed,
      freedBytes: this.#freedBytes,
      problems: this.#problems,
    };
  }

  async #pruneListed(copies: readonly StoredCopy[], listing: Listing): Promise<void> {
    const doomed = await this.#unfinished(copies, listing);
    const present = copies.filter(({ status }) => status !== 'pruned');
    const bySchedule = Map.groupBy(present, ({ schedule }) => schedule);
    for (const schedule of this.#options.schedules) {
      doomed.push(...this.#decide(schedule, bySchedule.get(schedule.id) ?? [], listing));
    }
    for (let start = 0; start < doomed.length; start += lookedAtOnce) {
      const free = await this.#unlocked(doomed.slice(start, start + lookedAtOnce));
      if (free === undefined) return;
      for (const each of this.#options.dryRun === true ? [] : free) {
        this.#options.signal.throwIfAborted();
        // A store that refuses one removal refuses the next as well, and each try would mark another copy.
        if (!(await this.#remove(each))) return;
      }
    }
  }

  /** Those that nobody has locked; undefined where the store does not tell. */
  async #unlocked(doomed: readonly Doomed[]): Promise<readonly Doomed[] | undefined> {
    this.#options.signal.throwIfAborted();
    try {
      const locks = await Promise.all(doomed.map(({ copy }) => this.#store.lockOn(namesOf(copy))));
      return doomed.filter(({ copy, reason }, index) => {
        const lock = locks[index];
        if (lock !== undefined) this.#tellLocked(copy, reason, lock);
        return lock === undefined;
      });
    } catch (thrown) {
      this.#report(thrown);
      return undefined;
    }
  }

  /** False where the store refuses. */
  async #remove({ copy, reason }: Doomed): Promise<boolean> {
    const { catalog, now } = this.#options;
    await catalog.removeCopy(copy.backupId, this.#store.id, reason, now);
    try {
      for (const name of namesOf(copy)) await this.#store.delete(name);
    } catch (thrown) {
      const { code, message } = LowtideError.from(thrown);
      // Not every store can tell beforehand.
      if (code === 'store_locked') this.#tellLocked(copy, reason, { by: `its store: ${message}` });
      else this.#report(thrown);
      return code === 'store_locked';
    }
    this.#removed += 1;
    this.#freedBytes += copy.storedBytes;
    return true;
  }

  /** In the place of the verdict that it goes, where there is one: what an earlier prune has begun was decided then. */
  #tellLocked(copy: StoredCopy, reason: string, locked: ObjectLock): void {
    this.#tell(copy, { keep: true, reasons: [reason, `protected by ${locked.by}`], locked });
  }

  #tell(copy: StoredCopy, verdict: Pick<PruneVerdict, 'keep' | 'reasons' | 'locked'>): void {
    const { schedule, backupId, createdAt, storedBytes } = copy;
    const store = this.#store.id;
    this.#verdicts.set(backupId, { schedule, store, backupId, createdAt, storedBytes, ...verdict });
  }

  /** Files the verdicts on a schedule's copies in this store, and returns those that must go. */
  #decide(
    { id: schedule, keep, timezone }: PruneOptions['schedules'][number],
    copies: readonly StoredCopy[],
    listing: Listing,
  ): readonly Doomed[] {
    const absent = new Set(copies.filter((copy) => copy.status === 'good' && !isWhole(copy, listing)));
    if (absent.size > 0) this.#reportAbsent(schedule, absent.size);
    const candidates = copies.filter((copy) => !absent.has(copy));
    const decided = new Map<string, RetentionVerdict>(
      decideRetention(
        candidates.map(({ backupId, createdAt, status }) => ({
          id: backupId,
          createdAt,
          good: status === 'good',
        })),
        keepIn(keep, this.#store.id),
        timezone,
      ).map((verdict) => [verdict.id, verdict]),
    );
    const doomed: Doomed[] = [];
    for (const copy of copies) {
      const { keep: stays, reasons } = decided.get(copy.backupId) ?? notWhole;
      this.#tell(copy, { keep: stays, reasons });
      if (!stays) doomed.push({ copy, reason: reasons.join('; ') });
    }
    return doomed;
  }

  /** Copies that are pruned by the catalog, and of which something still lies here: an earlier prune was cut off. */
  async #unfinished(copies: readonly StoredCopy[], listing: Listing): Promise<Doomed[]> {
    const manifests = new Set([...listing.keys()].filter((name) => isManifestName(name)));
    for (const copy of copies) if (copy.status !== 'pruned') manifests.delete(copy.manifest);
    // Nearly always nothing is left by now, and the long history of pruned backups need not be read.
    const pruned =
      manifests.size === 0 ? [] : [...copies, ...(await this.#copies('pruned'))].filter(isPruned);
    return pruned
      .filter((copy) => manifests.has(copy.manifest))
      .map((copy) => ({ copy, reason: 'finishes what an earlier prune began' }));
  }

  async #list(copies: readonly StoredCopy[]): Promise<Listing | undefined> {
    const listing = new Map<string, StoredObject>();
    try {
      for (const prefix of this.#prefixes(copies)) {
        for await (const object of this.#store.list(prefix)) {
          this.#options.signal.throwIfAborted();
          listing.set(object.name, object);
        }
      }
      return listing;
    } catch (thrown) {
      this.#options.signal.throwIfAborted();
      this.#report(thrown);
      return undefined;
    }
  }

  /** A schedule's backups have a folder of their own; what a rebuild has found may lie in others as well. */
  #prefixes(copies: readonly StoredCopy[]): ReadonlySet<string> {
    const { scope, schedules } = this.#options;
    if (scope === 'store') return new Set(['']);
    const names = copies.flatMap(({ parts, manifest }) => [...parts.map(({ name }) => name), manifest]);
    return new Set([
      ...schedules.map(({ id }) => `${id}/`),
      ...names.map((name) => name.slice(0, name.lastIndexOf('/') + 1)),
    ]);
  }

  async #copies(status: Backup['status']): Promise<readonly StoredCopy[]> {
    const { catalog, signal, scope, schedules } = this.#options;
    const copies: StoredCopy[] = [];
    for (const filter of scope === 'store' ? [{}] : schedules.map(({ id: schedule }) => ({ schedule }))) {
      let page = await catalog.backups({ ...filter, status, limit: pageSize });
      for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
        copies.push(...page.flatMap((backup) => copyIn(this.#store.id, backup)));
        await letOthersRun();
        signal.throwIfAborted();
        page = await catalog.backups({ ...filter, status, limit: pageSize, after: last.id });
      }
    }
    return copies;
  }

  #reportAbsent(schedule: string, count: number): void {
    const which = count === 1 ? 'one backup' : `${count} backups`;
    this.#report(
      new LowtideError(
        'store_missing_object',
        `${which} of ${schedule} on file as good in store ${this.#store.id} cannot be found whole there`,
        { hint: 'Is the store mounted and whole? `lowtide catalog rebuild` files what really lies there.' },
      ),
    );
  }

  #report(thrown: unknown): void {
    this.#problems.push({ store: this.#store.id, error: LowtideError.from(thrown) });
  }
}

interface Doomed {
  readonly copy: StoredCopy;
  readonly reason: string;
}

const notWhole = { keep: true, reasons: ['on file as good, but not found whole in the store'] };

/** In the order in which they are deleted. */
function namesOf({ parts, manifest }: StoredCopy): readonly string[] {
  return [...parts.map(({ name }) => name), manifest];
}

function isPruned(copy: StoredCopy): boolean {
  return copy.status === 'pruned';
}
