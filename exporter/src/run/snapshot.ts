import type { Run } from '../catalog/catalog.ts';
import type { Crew } from '../process/crew.ts';
import type { Repository, RepositoryWork } from '../source/repository.ts';
import type { SnapshotManifest } from '../store/manifest.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';

export interface SnapshotOptions {
  readonly run: Run;
  readonly backupId: string;
  readonly repository: Repository;
  readonly instance: string;
  readonly timezone: string;
  /** Of Lowtide. */
  readonly version: string;
  readonly crew: Crew;
  readonly signal: AbortSignal;
  readonly now: () => EpochMs;
  readonly onProgress: NonNullable<RepositoryWork['onProgress']>;
}

/** Lets another tool make a backup, into the repository that it keeps. Throws what the tool's adapter throws. */
export async function makeSnapshot(options: SnapshotOptions): Promise<SnapshotManifest> {
  const { run, backupId, repository, instance, timezone, version, crew, signal, now, onProgress } = options;
  const made = await repository.backUp({
    schedule: run.schedule,
    instance,
    timezone,
    now: run.startedAt,
    start: (command, streams) => crew.start(command, streams),
    signal,
    onProgress,
  });
  return {
    id: backupId,
    instance,
    schedule: run.schedule,
    type: repository.kind,
    source: { type: repository.type, label: repository.label },
    runId: run.id,
    startedAt: toRfc3339(run.startedAt),
    createdAt: toRfc3339(now()),
    snapshot: {
      repository: repository.repository,
      id: made.id,
      sizeBytes: made.sizeBytes,
      addedBytes: made.addedBytes,
      restoreBy: made.restoreBy,
    },
    tools: { ...made.tools, lowtide: version },
    warnings: made.warnings,
  };
}
