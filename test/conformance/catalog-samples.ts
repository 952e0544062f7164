import type { NewRun, RunEnd } from '../../exporter/src/catalog/catalog.ts';
import type { Manifest } from '../../exporter/src/store/manifest.ts';
import { toRfc3339, type EpochMs } from '../../exporter/src/units/instant.ts';

/** A Tuesday; every sample's times count from here. */
export const noon: EpochMs = Date.UTC(2026, 2, 3, 12);

export function newRun(id: string, more: Partial<NewRun> = {}): NewRun {
  return {
    id,
    schedule: 'db-prod',
    type: 'database',
    trigger: 'schedule',
    startedAt: noon,
    objectPrefix: `db-prod/${id}`,
    stores: ['local', 'offsite'],
    ...more,
  };
}

export interface ManifestSample {
  readonly schedule?: string;
  readonly type?: Manifest['type'];
  readonly createdAt?: EpochMs;
  readonly keyId?: string;
  /** Bytes of the payload; the header takes 4,096 more. */
  readonly payloadBytes?: number;
  readonly content?: string;
  readonly format?: Manifest['parts'][0]['format'];
  readonly source?: Manifest['source'];
}

export function newManifest(id: string, sample: ManifestSample = {}): Manifest {
  const { schedule = 'db-prod', type = 'database', createdAt = noon, keyId = 'key-0000000000aa' } = sample;
  return {
    formatVersion: 1,
    id,
    instance: 'db-host-1',
    schedule,
    type,
    source: sample.source ?? { type: 'postgres', label: 'postgres://db1:5432/app' },
    runId: `run-of-${id}`,
    startedAt: toRfc3339(createdAt - 60_000),
    createdAt: toRfc3339(createdAt),
    parts: [
      {
        role: 'main',
        name: `${schedule}/${id}.pgdump.zst.age`,
        format: sample.format ?? 'pg_custom',
        sizeBytes: 9000,
        compressedBytes: 3000,
        compressedSha256: sample.content ?? '0'.repeat(64),
        payloadBytes: sample.payloadBytes ?? 3048,
        payloadSha256: '1'.repeat(64),
        headerBytes: 4096,
        headerSha256: '2'.repeat(64),
      },
    ],
    keyId,
    recipients: ['age1sample'],
    tools: { pg_dump: 'pg_dump (PostgreSQL) 15.14' },
    warnings: [],
  };
}

/** The end of a run that `newRun` began; with a manifest, it has completed and its copy in `local` is good. */
export function runEnd(run: NewRun, end: Partial<RunEnd> & { readonly manifest?: Manifest } = {}): RunEnd {
  const { manifest, ...more } = end;
  const status = end.status ?? 'completed';
  const finishedAt = end.finishedAt ?? run.startedAt + 60_000;
  return {
    status,
    finishedAt,
    warnings: [],
    event: {
      name: 'run:finished',
      runId: run.id,
      schedule: run.schedule,
      type: run.type,
      status,
      durationSeconds: (finishedAt - run.startedAt) / 1000,
    },
    ...(manifest !== undefined && {
      backup: { manifest, copies: [{ store: 'local', path: `/backups/${manifest.id}`, status: 'good' }] },
    }),
    ...more,
  };
}
