import { expect } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { newManifest, newRun, noon, runEnd, type ManifestSample } from './catalog-samples.ts';

/** What each test is given: the catalog of an empty state, and further owners of the same state. */
export interface Given {
  readonly catalog: Catalog;
  /** Opens the catalog as one more owner: what another process would do. */
  open(): Catalog;
}

/** A run that completes with one backup, its copy in `local` good. */
export function complete(catalog: Catalog, id: string, sample: ManifestSample = {}): void {
  const run = newRun(`run-of-${id}`, {
    schedule: sample.schedule ?? 'db-prod',
    type: sample.type ?? 'database',
    startedAt: sample.createdAt ?? noon,
  });
  catalog.startRun(run);
  catalog.finishRun(run.id, runEnd(run, { manifest: newManifest(id, sample) }));
}

/** All that can be read of a catalog. */
export function snapshot(catalog: Catalog): unknown {
  return {
    runs: catalog.runs({ limit: 1000 }),
    backups: catalog.backups({ limit: 1000 }),
    events: catalog.eventsAfter(0, 1000),
    totals: catalog.totals(),
    proofs: catalog.proofs(),
  };
}

export function refuses(code: string, act: () => unknown): void {
  expect(act).toThrow(
    expect.toSatisfy((error) => error instanceof LowtideError && error.code === code, code),
  );
}
