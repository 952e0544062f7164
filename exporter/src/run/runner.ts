import { randomBytes, randomUUID } from 'node:crypto';
import type { Catalog, NewCopy, NewRun, Run, RunEnd } from '../catalog/catalog.ts';
import type { Config, ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Clock } from '../clock/clock.ts';
import type { Keystore } from '../keys/keystore.ts';
import type { Launcher } from '../process/courtesy.ts';
import type { SealPool } from '../seal/pool.ts';
import { createSource } from '../source/create.ts';
import type { Repository } from '../source/repository.ts';
import type { Source } from '../source/source.ts';
import type { Manifest, SnapshotManifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { backupIdOf, objectPrefixOf, randomIdBytes } from './backup-id.ts';
import type { Compression } from './compression.ts';
import { MakingWay } from './making-way.ts';
import type { Strained } from './pace.ts';
import type { Pacer } from './pacer.ts';
import { runPipeline, type PipelineResult, type StoredParts } from './pipeline.ts';
import { discardObjects, recoverRuns } from './recover.ts';
import { RunLog } from './run-log.ts';
import { openScratch } from './scratch.ts';
import { makeSnapshot } from './snapshot.ts';

/** What a run works with; made once, in compose.ts. */
export interface RunEnvironment {
  readonly config: Pick<Config, 'instance' | 'encryption'>;
  readonly version: string;
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Keystore;
  readonly pool: SealPool;
  readonly compression: () => Promise<Compression>;
  readonly launcher: () => Promise<Launcher>;
  readonly pacer: Pacer;
  readonly scratchRoot: string;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set. */
  readonly elapsed: () => number;
  /** Shared by the runners of one process that use the same catalog: a reload makes a new one. */
  readonly running?: Set<string>;
}

export interface RunRequest {
  readonly schedule: ScheduleConfig;
  readonly trigger: NewRun['trigger'];
  /** The occurrence the run is for. */
  readonly dueAt?: EpochMs;
  /** Aborted with a LowtideError: `cancelled` by a person, `interrupted` when the service stops, `claim_lost` when the run is another host's. */
  readonly signal: AbortSignal;
  /** Asked once all is stored, just before that is a backup for all to see; throws where it is not to be one any more. */
  readonly confirm?: () => Promise<void>;
  readonly onStart?: (run: Run) => void;
  /** Sealed bytes; of a snapshot what the tool has looked at, and how much there will be, as far as it tells. */
  readonly onProgress?: (bytes: number, expectedBytes?: number) => void;
  /** Hears when the run is slowed down for the host, with what that is above, and when it goes on as fast as it can. */
  readonly onPace?: (why: Strained | undefined) => void;
}

/** Makes backups, one run of a schedule at a time, and records how each ended. */
export class Runner {
  readonly #environment: RunEnvironment;
  /** Runs that this process works on. */
  readonly #running: Set<string>;

  constructor(environment: RunEnvironment) {
    this.#environment = environment;
    this.#running = environment.running ?? new Set();
  }

  /**
   * Runs a schedule now. A run that fails is an answer (`status`, `error`), not an error; thrown is what keeps it from
   * being recorded: `run_active`, and what the catalog throws.
   */
  async run(request: RunRequest): Promise<Run> {
    await this.recover(request.signal);
    const id = randomUUID();
    // Before it is on record: what is on record, and worked on by nobody, was cut off.
    this.#running.add(id);
    try {
      return await this.#run(id, request);
    } finally {
      this.#running.delete(id);
    }
  }

  async #run(id: string, request: RunRequest): Promise<Run> {
    const { catalog, clock } = this.#environment;
    const { schedule, trigger, dueAt } = request;
    const source = createSource(schedule.source);
    const startedAt = clock.now();
    const backupId = backupIdOf(schedule.id, startedAt, randomBytes(randomIdBytes));
    const run = await catalog.startRun({
      id,
      schedule: schedule.id,
      type: source.kind,
      trigger,
      startedAt,
      ...(dueAt !== undefined && { dueAt }),
      objectPrefix: objectPrefixOf(schedule.id, backupId),
      stores: schedule.stores,
    });
    request.onStart?.(run);
    const log = new RunLog(run.id, catalog.runLogs, clock);
    log.begun(run, 'repository' in source ? source.repository : undefined);
    const end = await this.#work(run, backupId, source, { request, log });
    const ended = await catalog.finishRun(run.id, end);
    log.ended(end);
    await log.written();
    return ended;
  }

  /** Ends the runs whose process is gone, or whose end could not be recorded; returns them as they ended. */
  async recover(signal: AbortSignal): Promise<readonly Run[]> {
    const { catalog, stores, clock } = this.#environment;
    return await recoverRuns({ catalog, stores, running: this.#running, now: clock.now(), signal });
  }

  async #work(
    run: Run,
    backupId: string,
    source: Source | Repository,
    { request, log }: Told,
  ): Promise<RunEnd> {
    const { clock, elapsed } = this.#environment;
    const started = elapsed();
    let pausedSeconds = 0;
    const ended = (): Ended => ({
      finishedAt: clock.now(),
      durationSeconds: (elapsed() - started) / 1000,
      pausedSeconds,
    });
    try {
      const launcher = await this.#environment.launcher();
      const onPace = (why: Strained | undefined): void => {
        log.paced(why);
        request.onPace?.(why);
      };
      using way = await MakingWay.begin(run, { ...request, onPace }, { ...this.#environment, launcher });
      const noted = <T>(work: Promise<T>): Promise<T> =>
        work.finally(() => (pausedSeconds = way.pausedSeconds));
      if ('backUp' in source) {
        const manifest = await noted(this.#snapshot(run, backupId, source, { request, way }));
        log.info(`${source.type} has made snapshot ${manifest.snapshot.id}`);
        for (const warning of manifest.warnings) log.warn(warning);
        return completedSnapshot(run, manifest, ended());
      }
      return completed(run, await noted(this.#store(run, backupId, source, { request, way, log })), ended());
    } catch (thrown) {
      const cause: unknown = request.signal.aborted ? request.signal.reason : thrown;
      const error = LowtideError.from(cause);
      const stores = run.stores.flatMap((id) => this.#environment.stores.get(id) ?? []);
      const left = await discardObjects(stores, run.objectPrefix);
      return failed(run, error, left, ended());
    }
  }

  async #snapshot(
    run: Run,
    backupId: string,
    repository: Repository,
    { request, way }: { readonly request: RunRequest; readonly way: MakingWay },
  ): Promise<SnapshotManifest> {
    const { config, version, clock } = this.#environment;
    const { schedule, signal, onProgress } = request;
    return await makeSnapshot({
      ...{ run, backupId, repository, version, signal },
      instance: config.instance,
      timezone: schedule.timezone,
      crew: way.crew,
      now: () => clock.now(),
      onProgress(bytes, expectedBytes) {
        way.progress(bytes, expectedBytes);
        onProgress?.(bytes, expectedBytes);
      },
    });
  }

  async #store(
    run: Run,
    backupId: string,
    source: Source,
    { request, way, log }: Told & { readonly way: MakingWay },
  ): Promise<PipelineResult> {
    const { config, version, keystore, pool, clock, elapsed } = this.#environment;
    const { signal, confirm, onProgress } = request;
    const key = await keystore.active();
    const recipients = [...new Set([key.recipient, ...config.encryption.recovery_recipients])];
    const describe = (stored: StoredParts): Manifest => ({
      formatVersion: 1,
      id: backupId,
      instance: config.instance,
      schedule: run.schedule,
      type: source.kind,
      source: { type: source.type, label: source.label },
      runId: run.id,
      startedAt: toRfc3339(run.startedAt),
      createdAt: toRfc3339(clock.now()),
      parts: [...stored.parts],
      keyId: key.id,
      recipients,
      tools: { ...stored.tools, lowtide: version },
      warnings: [...stored.warnings],
    });
    log.sealedTo(key.id, recipients.length - 1);
    await using scratch = await openScratch(this.#environment.scratchRoot);
    return await runPipeline({
      source,
      stores: run.stores.map((id) => this.#storeNamed(id)),
      recipients,
      compression: await this.#environment.compression(),
      pool,
      scratch: scratch.path,
      objectPrefix: run.objectPrefix,
      describe,
      ...(confirm !== undefined && { confirm }),
      crew: way.crew,
      turn: () => way.turn(),
      signal,
      log,
      elapsed,
      onProgress(sealedBytes) {
        way.progress(sealedBytes);
        onProgress?.(sealedBytes);
      },
    });
  }

  #storeNamed(id: string): Store {
    const store = this.#environment.stores.get(id);
    if (store === undefined) throw new LowtideError('not_found', `there is no store ${id}`);
    return store;
  }
}

/** A run that is asked for, and where it tells of itself. */
interface Told {
  readonly request: RunRequest;
  readonly log: RunLog;
}

interface Ended {
  readonly finishedAt: EpochMs;
  readonly durationSeconds: number;
  readonly pausedSeconds: number;
}

function completed(run: Run, result: PipelineResult, ended: Ended): RunEnd {
  const { manifest, uploads, encryptionSeconds } = result;
  const copies = uploads.map(({ store, error }): NewCopy => ({
    store: store.id,
    path: store.locate(manifest.parts[0].name),
    ...(error === undefined ? { status: 'good' } : { status: 'failed', error: error.message }),
  }));
  const failures = uploads.flatMap(({ store, error }) =>
    error === undefined ? [] : [`no copy in store ${store.id}: ${error.message}`],
  );
  return {
    status: 'completed',
    ...filed(ended),
    warnings: [...manifest.warnings, ...failures],
    backup: { manifest, copies },
    event: {
      name: 'run:finished',
      runId: run.id,
      schedule: run.schedule,
      type: run.type,
      status: 'completed',
      ...timed(ended),
      sizeBytes: manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      encryptionSeconds,
      uploads: uploads.flatMap(({ store, seconds, error }) =>
        error === undefined ? [{ provider: store.provider, seconds }] : [],
      ),
    },
  };
}

function completedSnapshot(run: Run, manifest: SnapshotManifest, ended: Ended): RunEnd {
  return {
    status: 'completed',
    ...filed(ended),
    warnings: manifest.warnings,
    backup: { manifest },
    event: {
      name: 'run:finished',
      runId: run.id,
      schedule: run.schedule,
      type: run.type,
      status: 'completed',
      ...timed(ended),
      sizeBytes: manifest.snapshot.sizeBytes,
    },
  };
}

/** What goes into the run, and into its event: that it was never stopped, it need not say. */
function filed({ finishedAt, pausedSeconds }: Ended): Pick<RunEnd, 'finishedAt' | 'pausedSeconds'> {
  return { finishedAt, ...(pausedSeconds > 0 && { pausedSeconds }) };
}

function timed({ durationSeconds, pausedSeconds }: Ended): {
  durationSeconds: number;
  pausedSeconds?: number;
} {
  return { durationSeconds, ...(pausedSeconds > 0 && { pausedSeconds }) };
}

/** Nothing is wrong with what was to be backed up: it is made at another start, or by another host. */
const cutOff: readonly string[] = ['interrupted', 'claim_lost'];

function failed(run: Run, error: LowtideError, warnings: readonly string[], ended: Ended): RunEnd {
  const { code, message, hint } = error;
  const status = code === 'cancelled' ? code : cutOff.includes(code) ? 'interrupted' : 'failed';
  return {
    status,
    ...filed(ended),
    warnings,
    error: { code, message, ...(hint !== undefined && { hint }) },
    event: {
      name: 'run:finished',
      runId: run.id,
      schedule: run.schedule,
      type: run.type,
      status,
      ...timed(ended),
      errorType: error.facts.errorType,
    },
  };
}
