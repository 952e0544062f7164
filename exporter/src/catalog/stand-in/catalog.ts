import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EventBody, StoredEvent } from '../../events/events.ts';
import type { HostLoads, LoadHistory, LoadRecord } from '../../load/load.ts';
import type { Manifest } from '../../store/manifest.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { AccessRecords, AuditBody, AuditEntry } from '../access.ts';
import type { BackgroundRecords } from '../background.ts';
import type {
  Backup,
  BackupFilter,
  Catalog,
  CatalogTotals,
  FoundBackup,
  FoundCopy,
  Missed,
  NewRun,
  PrunedBackups,
  Run,
  RunEnd,
  RunFilter,
  ScheduleProof,
  ScheduleState,
  VerificationResult,
} from '../catalog.ts';
import type { CopyRecords } from '../copies.ts';
import type { DrillRecords } from '../drills.ts';
import type { RunReviews, RunUse } from '../reviews.ts';
import type { RotationRecords } from '../rotations.ts';
import type { RunLogLine, RunLogs } from '../run-logs.ts';
import type { SnapshotRecords } from '../snapshots.ts';
import { backupOf, begunRun, endedRun } from './ended-run.ts';
import type { Journal } from './journal.ts';
import type { Presence } from './presence.ts';

/** The catalog of a host whose PostgreSQL may be away: stand-in.ts says what it answers then. */
export class StandInCatalog implements Catalog {
  readonly access: AccessRecords;
  readonly background: BackgroundRecords;
  readonly copies: CopyRecords;
  readonly drills: DrillRecords;
  readonly rotations: RotationRecords;
  readonly load: LoadHistory;
  readonly hostLoads: HostLoads;
  readonly reviews: RunReviews;
  readonly runLogs: RunLogs;
  readonly snapshots: SnapshotRecords;
  readonly #presence: Presence;
  readonly #journal: Journal;

  constructor(presence: Presence) {
    this.#presence = presence;
    this.#journal = presence.journal;
    this.access = this.#records((catalog) => catalog.access, {
      addedSchedules: () => this.#addedSchedules(),
      appendAudit: (body, at) => this.#appendAudit(body, at),
    });
    this.background = this.#records((catalog) => catalog.background);
    this.copies = this.#records((catalog) => catalog.copies);
    this.drills = this.#records((catalog) => catalog.drills);
    this.rotations = this.#records((catalog) => catalog.rotations);
    this.load = this.#records((catalog) => catalog.load, {
      record: (records, step) => this.#recordLoad(records, step),
    });
    this.hostLoads = this.#records((catalog) => catalog.hostLoads);
    this.reviews = this.#records((catalog) => catalog.reviews, {
      recordUse: (run, use) => this.#recordUse(run, use),
    });
    this.runLogs = this.#records((catalog) => catalog.runLogs, {
      append: (run, line) => this.#appendLine(run, line),
    });
    this.snapshots = this.#records((catalog) => catalog.snapshots);
  }

  async startRun(run: NewRun): Promise<Run> {
    const begin = (): Run => {
      const begun = begunRun(run);
      this.#journal.setRun(begun);
      if (run.dueAt !== undefined) this.#settle(run.schedule, run.dueAt);
      return begun;
    };
    return await this.#presence.carry(
      { name: 'startRun', run },
      (catalog) => catalog.startRun(run),
      () => {
        const going = this.#presence.running().find(({ schedule }) => schedule === run.schedule);
        if (going === undefined) return begin();
        throw new LowtideError('run_active', `a run of ${run.schedule} is going on: ${going.id}`, {
          hint: 'Wait for it to end, or cancel it.',
        });
      },
      begin,
    );
  }

  async finishRun(id: string, end: RunEnd): Promise<Run> {
    const run = this.#journal.run(id);
    if (run === undefined) return await this.#presence.ask((catalog) => catalog.finishRun(id, end));
    return await this.#presence.carry(
      { name: 'finishRun', run, end },
      (catalog) => catalog.finishRun(id, end),
      () => {
        if (run.status !== 'running')
          throw new LowtideError('run_ended', `run ${id} has already ended: ${run.status}`);
        const ended = endedRun(run, end);
        this.#journal.setRun(ended);
        const backup = backupOf(end);
        if (backup !== undefined) this.#journal.setBackup(backup);
        return ended;
      },
      () => this.#journal.forgetRun(id),
    );
  }

  async run(id: string): Promise<Run | undefined> {
    return await this.#presence.askOr(
      (catalog) => catalog.run(id),
      () => this.#journal.run(id),
    );
  }

  async runs(filter: RunFilter): Promise<readonly Run[]> {
    return await this.#presence.askOr(
      (catalog) => catalog.runs(filter),
      () => this.#attempts(filter),
    );
  }

  async orphanedRuns(mine: ReadonlySet<string>): Promise<readonly Run[]> {
    return await this.#presence.askOr(
      (catalog) => catalog.orphanedRuns(mine),
      () => this.#presence.running().filter(({ id }) => !mine.has(id)),
    );
  }

  async adoptBackup(manifest: Manifest, copy: FoundCopy): Promise<void> {
    await this.#presence.ask((catalog) => catalog.adoptBackup(manifest, copy));
  }

  async adoptBackups(found: readonly FoundBackup[]): Promise<readonly (LowtideError | undefined)[]> {
    return await this.#presence.ask((catalog) => catalog.adoptBackups(found));
  }

  async backup(id: string): Promise<Backup | undefined> {
    return await this.#presence.askOr(
      (catalog) => catalog.backup(id),
      () => this.#journal.backup(id),
    );
  }

  async backups(filter: BackupFilter): Promise<readonly Backup[]> {
    return await this.#presence.ask((catalog) => catalog.backups(filter));
  }

  async recordVerification(backup: string, store: string, result: VerificationResult): Promise<void> {
    await this.#presence.carry({ name: 'recordVerification', backup, store, result }, (catalog) =>
      catalog.recordVerification(backup, store, result),
    );
  }

  async recordRestore(backup: string, status: 'completed' | 'failed', at: EpochMs): Promise<void> {
    await this.#presence.carry({ name: 'recordRestore', backup, status, at }, (catalog) =>
      catalog.recordRestore(backup, status, at),
    );
  }

  async removeCopy(id: string, store: string, reason: string, at: EpochMs): Promise<void> {
    await this.#presence.ask((catalog) => catalog.removeCopy(id, store, reason, at));
  }

  async schedule(id: string): Promise<ScheduleState> {
    const state = await this.#presence.askOr(
      (catalog) => catalog.schedule(id),
      () => this.#journal.scheduleState(id),
    );
    if (!this.#journal.hasScheduleState(id, state))
      this.#presence.mirror(() => this.#journal.setScheduleState(id, state));
    return state;
  }

  async schedules(): Promise<ReadonlyMap<string, ScheduleState>> {
    const states = await this.#presence.askOr(
      (catalog) => catalog.schedules(),
      () => this.#journal.scheduleStates(),
    );
    const changed = [...states].filter(([id, state]) => !this.#journal.hasScheduleState(id, state));
    if (changed.length > 0) {
      this.#presence.mirror(() => {
        for (const [id, state] of changed) this.#journal.setScheduleState(id, state);
      });
    }
    return states;
  }

  async setPaused(id: string, paused: boolean): Promise<void> {
    await this.#presence.ask((catalog) => catalog.setPaused(id, paused));
  }

  async settle(schedule: string, until: EpochMs): Promise<void> {
    const settle = (): void => this.#settle(schedule, until);
    await this.#presence.carry(
      { name: 'settle', schedule, until },
      (catalog) => catalog.settle(schedule, until),
      settle,
      settle,
    );
  }

  async settleUpTo(schedule: string, until: EpochMs): Promise<void> {
    const settle = (): void => this.#settleUpTo(schedule, until);
    await this.#presence.carry(
      { name: 'settleUpTo', schedule, until },
      (catalog) => catalog.settleUpTo(schedule, until),
      settle,
      settle,
    );
  }

  async recordMissed(schedule: string, missed: Missed, at: EpochMs): Promise<void> {
    const record = (): void => {
      this.#settleUpTo(schedule, missed.dueAt);
      const { dueAt, reason } = missed;
      const lastMissed = { dueAt, at, ...(reason !== undefined && { reason }) };
      this.#journal.setScheduleState(schedule, { ...this.#journal.scheduleState(schedule), lastMissed });
    };
    await this.#presence.carry(
      { name: 'recordMissed', schedule, missed, at },
      (catalog) => catalog.recordMissed(schedule, missed, at),
      record,
      record,
    );
  }

  /** What is noted has no place in the sequence before it is delivered: 0 stands for that. */
  async append(event: EventBody, at: EpochMs): Promise<StoredEvent> {
    return await this.#presence.carry(
      { name: 'append', event, at },
      (catalog) => catalog.append(event, at),
      () => ({ sequence: 0, at, body: event }),
    );
  }

  async eventsAfter(sequence: number, limit: number): Promise<readonly StoredEvent[]> {
    return await this.#presence.ask((catalog) => catalog.eventsAfter(sequence, limit));
  }

  async latestSequence(): Promise<number> {
    return await this.#presence.ask((catalog) => catalog.latestSequence());
  }

  async prunedOf(keyId: string): Promise<PrunedBackups> {
    return await this.#presence.ask((catalog) => catalog.prunedOf(keyId));
  }

  async proofs(): Promise<readonly ScheduleProof[]> {
    return await this.#presence.ask((catalog) => catalog.proofs());
  }

  async totals(): Promise<CatalogTotals> {
    return await this.#presence.ask((catalog) => catalog.totals());
  }

  async check(): Promise<readonly string[]> {
    return [...(await this.#presence.ask((catalog) => catalog.check())), ...this.#presence.findings];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#presence[Symbol.asyncDispose]();
  }

  async #addedSchedules(): ReturnType<AccessRecords['addedSchedules']> {
    const known = this.#journal.addedSchedules;
    const added = await this.#presence.askOr(
      (catalog) => catalog.access.addedSchedules(),
      () => known,
    );
    if (JSON.stringify(added) !== JSON.stringify(known))
      this.#presence.mirror(() => this.#journal.setAddedSchedules(added));
    return added;
  }

  /** What is noted has no place in the chain before it is delivered. */
  #appendAudit(body: AuditBody, at: EpochMs): Promise<AuditEntry> {
    return this.#presence.carry(
      { name: 'appendAudit', body, at },
      (catalog) => catalog.access.appendAudit(body, at),
      () => ({ sequence: 0, at, body, text: JSON.stringify(body), hash: '' }),
    );
  }

  #recordLoad(records: readonly LoadRecord[], step: 'fine' | 'coarse'): Promise<void> {
    return this.#presence.carry({ name: 'recordLoad', records, step }, (catalog) =>
      catalog.load.record(records, step),
    );
  }

  #recordUse(run: string, use: RunUse): Promise<void> {
    return this.#presence.carry({ name: 'recordUse', run, use }, (catalog) =>
      catalog.reviews.recordUse(run, use),
    );
  }

  #appendLine(run: string, line: RunLogLine): Promise<void> {
    return this.#presence.carry({ name: 'appendLine', run, line }, (catalog) =>
      catalog.runLogs.append(run, line),
    );
  }

  /** Of an occurrence, that is: of all others only a part is known here. */
  #attempts({ schedule, status, dueAt, limit }: RunFilter): readonly Run[] | undefined {
    if (dueAt === undefined) return undefined;
    return this.#journal
      .runs()
      .filter(
        (run) =>
          run.dueAt === dueAt &&
          (schedule === undefined || run.schedule === schedule) &&
          (status === undefined || run.status === status),
      )
      .slice(0, limit);
  }

  #settle(schedule: string, settledUntil: EpochMs): void {
    this.#journal.setScheduleState(schedule, { ...this.#journal.scheduleState(schedule), settledUntil });
  }

  #settleUpTo(schedule: string, until: EpochMs): void {
    if ((this.#journal.scheduleState(schedule).settledUntil ?? -Infinity) < until)
      this.#settle(schedule, until);
  }

  /** All methods of a part of the catalog, as they are there, but for `own`. */
  #records<T extends object>(of: (catalog: Catalog) => T, own: Partial<T> = {}): T {
    return new Proxy(own as T, {
      get: (_, name) =>
        Reflect.get(own, name) ??
        ((...args: unknown[]) =>
          this.#presence.ask((catalog) => {
            const records = of(catalog);
            return (Reflect.get(records, name) as (...args: unknown[]) => Promise<unknown>).apply(
              records,
              args,
            );
          })),
    });
  }
}
