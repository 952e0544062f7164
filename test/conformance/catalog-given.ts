import { expect } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { newManifest, newRun, noon, runEnd, type ManifestSample } from './catalog-samples.ts';

/** What each test is given: the catalog of an empty state, and further owners of the same state. */
export interface Given {
  readonly catalog: Catalog;
  /** Opens the catalog as one more owner: what another process would do. */
  open(): Promise<Catalog>;
}

/** A run that completes with one backup, its copy in `local` good. */
export async function complete(catalog: Catalog, id: string, sample: ManifestSample = {}): Promise<void> {
  const run = newRun(`run-of-${id}`, {
    schedule: sample.schedule ?? 'db-prod',
    type: sample.type ?? 'database',
    startedAt: sample.createdAt ?? noon,
  });
  await catalog.startRun(run);
  await catalog.finishRun(run.id, runEnd(run, { manifest: newManifest(id, sample) }));
}

/** All that can be read of a catalog. */
export async function snapshot(catalog: Catalog): Promise<unknown> {
  return {
    runs: await catalog.runs({ limit: 1000 }),
    backups: await catalog.backups({ limit: 1000 }),
    events: await catalog.eventsAfter(0, 1000),
    totals: await catalog.totals(),
    proofs: await catalog.proofs(),
  };
}

export async function refuses(code: string, act: () => Promise<unknown>): Promise<void> {
  await expect(act()).rejects.toSatisfy(
    (error) => error instanceof LowtideError && error.code === code,
    code,
  );
}
