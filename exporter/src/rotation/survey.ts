import { setImmediate as letOthersRun } from 'node:timers/promises';
import type { Backup, Catalog } from '../catalog/catalog.ts';
import { encodeManifest, manifestName, type Manifest } from '../store/manifest.ts';
import type { SizedObject, Skipped } from '../store/resealing.ts';
import type { Store } from '../store/store.ts';
import { candidateOf, type Candidate, type CandidateRules } from './candidates.ts';
import { protectionKey } from './plan.ts';

/** Read at once, while nothing else is done. */
const pageSize = 50;

/**
 * All backups that a rotation by these rules is about, newest first. Others get their turn between pages: there may be a hundred
 * thousand.
 */
export async function* candidatePages(
  catalog: Pick<Catalog, 'backups'>,
  rules: CandidateRules,
): AsyncGenerator<readonly Candidate[]> {
  let page: readonly Backup[] = await catalog.backups({ status: 'completed', limit: pageSize });
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield page.flatMap((backup) => candidateOf(backup, rules) ?? []);
    await letOthersRun();
    page = await catalog.backups({ status: 'completed', limit: pageSize, after: last.id });
  }
}

/** Why copies would be skipped as they are now, by `protectionKey`. */
export async function findProtections(
  stores: ReadonlyMap<string, Store>,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, Skipped>> {
  const found = new Map<string, Skipped>();
  for (const { backup, copies } of candidates) {
    for (const { store, manifest } of copies) {
      const names = [...manifest.parts.map(({ name }) => name), manifestName(manifest)];
      const skipped = await stores.get(store)?.resealing?.protection(names);
      if (skipped !== undefined) found.set(protectionKey(store, backup.id), skipped);
    }
  }
  return found;
}

/** A manifest is replaced whole. */
export function objectsOf(manifest: Manifest): readonly SizedObject[] {
  const manifestBytes = encodeManifest(manifest).length;
  return [
    ...manifest.parts.map(({ name, headerBytes, payloadBytes }) => ({
      name,
      sizeBytes: headerBytes + payloadBytes,
      headBytes: headerBytes,
    })),
    { name: manifestName(manifest), sizeBytes: manifestBytes, headBytes: manifestBytes },
  ];
}
