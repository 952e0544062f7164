import { randomUUID } from 'node:crypto';
import type { Backup, Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { keepIn } from '../config/keep.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Launcher } from '../process/courtesy.ts';
import { Crew } from '../process/crew.ts';
import type { PruneResult } from '../retention/prune.ts';
import { createSource } from '../source/create.ts';
import type { Repository, RepositoryWork, RetainedSnapshot } from '../source/repository.ts';
import type { BackupVerification } from './verify.ts';

export interface CareEnvironment {
  readonly catalog: Catalog;
  readonly instance: string;
  /** Those of the config, as they are now. */
  readonly schedules: readonly ScheduleConfig[];
  readonly launcher: () => Promise<Launcher>;
  readonly clock: Clock;
}

export interface CareOptions {
  readonly signal: AbortSignal;
}

/** What is done about repositories that other tools keep, beside making backups: the tools do it, and Lowtide writes it down. */
export class RepositoryCare {
  readonly #environment: CareEnvironment;

  constructor(environment: CareEnvironment) {
    this.#environment = environment;
  }

  /**
   * Checks the repository that a backup is kept in. What is found holds for all snapshots of the schedule, and is recorded so; what
   * kept the tool from looking is `unable`, and tells nothing. Throws the signal's reason, and what the catalog throws.
   */
  async verify(backup: Backup, { signal }: CareOptions): Promise<BackupVerification> {
    const { catalog, clock } = this.#environment;
    if ('parts' in backup.manifest) throw new TypeError('this backup lies in stores');
    const { source, snapshot } = backup.manifest;
    const copy = { store: source.type, path: `${snapshot.repository} ${snapshot.id}`, warnings: [] };
    try {
      const schedule = this.#scheduleOf(backup);
      const verdict = await repositoryOf(schedule).verify(await this.#work(schedule, signal));
      const at = clock.now();
      if (verdict.status === 'passed') {
        await catalog.snapshots.recordCheck(backup.id, { status: 'passed', at });
        return { copies: [{ ...copy, status: 'passed' }] };
      }
      const message = `${source.type} found ${snapshot.repository} damaged: ${verdict.found}`;
      await catalog.snapshots.recordCheck(backup.id, { status: 'failed', at, error: message });
      const error = new LowtideError('verification_failed', message, {
        hint: `Nothing is forgotten until a check passes again; ${source.type} has tools to repair its repositories.`,
      });
      return { copies: [{ ...copy, status: 'failed', error }] };
    } catch (thrown) {
      signal.throwIfAborted();
      return { copies: [{ ...copy, status: 'unable', error: LowtideError.from(thrown) }] };
    }
  }

  /** Whether the last check of the schedule's repository found it damaged. */
  async isDamaged({ id }: ScheduleConfig): Promise<boolean> {
    return (await this.#environment.catalog.snapshots.present(id)).some((each) => each.isDamaged);
  }

  /** Now and then, and each time while it is damaged. */
  async isCheckDue(schedule: ScheduleConfig): Promise<boolean> {
    const { catalog, clock } = this.#environment;
    if (await this.isDamaged(schedule)) return true;
    const proof = (await catalog.proofs()).find((each) => each.schedule === schedule.id);
    const { checkEveryMs } = repositoryOf(schedule).care;
    return proof?.verifiedAt === undefined || !isWithin(proof.verifiedAt, checkEveryMs, clock.now());
  }

  /**
   * Lets the tool forget what the schedule's rules no longer keep, gives its room back where that was not done for long, and
   * files as pruned what the repository does not have any more, whoever has removed it.
   */
  async retain(
    schedule: ScheduleConfig,
    { signal, dryRun = false }: CareOptions & { readonly dryRun?: boolean },
  ): Promise<PruneResult> {
    const { catalog, clock } = this.#environment;
    const repository = repositoryOf(schedule);
    const known = await catalog.snapshots.present(schedule.id);
    const now = clock.now();
    const reclaimedAt = await catalog.snapshots.reclaimedAt(schedule.id);
    // The first time begins the count: a repository that is taken over may have years in it.
    const reclaim = reclaimedAt !== undefined && !isWithin(reclaimedAt, repository.care.reclaimEveryMs, now);
    const rules = { keep: keepIn(schedule.keep, repository.type), reclaim, dryRun };
    const { kept, forgotten } = await repository.retain(rules, await this.#work(schedule, signal));
    if ((reclaim || reclaimedAt === undefined) && !dryRun)
      await catalog.snapshots.setReclaimed(schedule.id, now);
    const byId = new Map(known.map((each) => [each.snapshot, each]));
    const verdict = ({ id, createdAt, reasons }: RetainedSnapshot, keep: boolean) => ({
      schedule: schedule.id,
      store: repository.type,
      backupId: byId.get(id)?.backupId ?? id,
      createdAt,
      storedBytes: byId.get(id)?.addedBytes ?? 0,
      keep,
      reasons,
    });
    const verdicts = [
      ...kept.map((each) => verdict(each, true)),
      ...forgotten.map((each) => verdict(each, false)),
    ].toSorted((a, b) => b.createdAt - a.createdAt);
    if (dryRun) return { ...nothing, verdicts };
    const there = new Set(kept.map(({ id }) => id));
    const reasons = new Map(forgotten.map((each) => [each.id, each.reasons.join('; ')]));
    const gone = known.filter((each) => !there.has(each.snapshot));
    for (const { backupId, snapshot } of gone) {
      const reason = reasons.get(snapshot) ?? 'the repository does not have it any more';
      await catalog.snapshots.remove(backupId, reason, clock.now());
    }
    const removed = new Set([...forgotten.map(({ id }) => id), ...gone.map(({ snapshot }) => snapshot)]);
    return { ...nothing, verdicts, removed: removed.size };
  }

  /** Runs have crews of their own; this is what comes after them. */
  async #work(schedule: ScheduleConfig, signal: AbortSignal): Promise<RepositoryWork> {
    const { instance, launcher, clock } = this.#environment;
    const { nice, io_priority: io } = schedule.run;
    const crew = new Crew({ launcher: await launcher(), courtesy: { nice, io }, work: randomUUID() });
    return {
      schedule: schedule.id,
      instance,
      timezone: schedule.timezone,
      now: clock.now(),
      start: (command, streams) => crew.start(command, streams),
      signal,
    };
  }

  #scheduleOf({ id, schedule: scheduleId, manifest }: Backup): ScheduleConfig {
    const schedule = this.#environment.schedules.find((each) => each.id === scheduleId);
    if (schedule?.source.type === manifest.source.type) return schedule;
    throw new LowtideError(
      'not_found',
      `the config no longer tells how ${manifest.source.type} reaches backup ${id}`,
      {
        hint: `Put the schedule ${scheduleId} back into it.`,
      },
    );
  }
}

const nothing = { removed: 0, freedBytes: 0, problems: [] };

/** What another tool keeps for a schedule. */
function repositoryOf({ source }: ScheduleConfig): Repository {
  const found = createSource(source);
  if ('retain' in found) return found;
  throw new TypeError(`a source of type ${source.type} has no repository`);
}

/** A clock that was set back makes it due. */
function isWithin(at: number, ms: number, now: number): boolean {
  return at <= now && now - at < ms;
}
