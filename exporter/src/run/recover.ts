import type { Catalog, NewCopy, Run, RunEnd } from '../catalog/catalog.ts';
import { endLeftovers } from '../process/leftovers.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { decodeManifest, isManifestName, manifestBeside, type Manifest } from '../store/manifest.ts';
import type { Store, StoredObject } from '../store/store.ts';
import type { EpochMs } from '../units/instant.ts';
import { RunLog } from './run-log.ts';

/**
 * Ends runs that nobody works on any more: their process was killed, the power went, or their end could not be recorded.
 * What such a run has stored decides: where its manifest lies beside whole parts the backup was made, only not filed,
 * and is filed now; everything else of it is removed, and without a whole copy the run was `interrupted`.
 */
export interface RecoverOptions {
  readonly catalog: Catalog;
  readonly stores: ReadonlyMap<string, Store>;
  /** Runs that this process works on. */
  readonly running: ReadonlySet<string>;
  readonly now: EpochMs;
  readonly signal: AbortSignal;
}

/** Returns the runs as they ended. Throws what the catalog throws, and the signal's reason. */
export async function recoverRuns(options: RecoverOptions): Promise<readonly Run[]> {
  const ended: Run[] = [];
  for (const run of await options.catalog.orphanedRuns(options.running)) {
    await endLeftovers(run.id);
    const end = await endOf(run, options);
    try {
      ended.push(await options.catalog.finishRun(run.id, end));
      const log = new RunLog(run.id, options.catalog.runLogs, { now: () => options.now });
      log.ended(end);
      await log.written();
    } catch (thrown) {
      // Somebody else has recovered it meanwhile.
      if (!(thrown instanceof LowtideError) || thrown.code !== 'run_ended') throw thrown;
    }
  }
  return ended;
}

async function endOf(run: Run, { stores, now, signal }: RecoverOptions): Promise<RunEnd> {
  const whole: { readonly manifest: Manifest; readonly copy: NewCopy }[] = [];
  const torn: Store[] = [];
  const warnings: string[] = [];
  for (const id of run.stores) {
    const store = stores.get(id);
    if (store === undefined) continue;
    try {
      const manifest = await wholeBackup(store, run, signal);
      if (manifest === undefined) torn.push(store);
      else whole.push({ manifest, copy: copyIn(store, manifest) });
    } catch (thrown) {
      signal.throwIfAborted();
      // What cannot be looked at may be whole: it is left alone, and a rebuild of the catalog finds it.
      warnings.push(`store ${id} could not be looked through: ${LowtideError.from(thrown).message}`);
    }
  }
  warnings.push(...(await discardObjects(torn, run.objectPrefix)));
  const common = { finishedAt: now, event: { runId: run.id, schedule: run.schedule, type: run.type } };
  const durationSeconds = Math.max(0, now - run.startedAt) / 1000;
  const [first] = whole;
  if (first !== undefined) {
    const { manifest } = first;
    const failed = torn.map((store): NewCopy => ({ ...copyIn(store, manifest), ...cutOff }));
    return {
      ...common,
      status: 'completed',
      warnings: [...manifest.warnings, 'was found whole after its process had ended', ...warnings],
      backup: { manifest, copies: [...whole.map(({ copy }) => copy), ...failed] },
      event: {
        ...common.event,
        name: 'run:finished',
        status: 'completed',
        durationSeconds: Math.max(0, Date.parse(manifest.createdAt) - run.startedAt) / 1000,
        sizeBytes: manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0),
      },
    };
  }
  return {
    ...common,
    status: 'interrupted',
    warnings,
    error: { code: 'interrupted', message: 'the process that made this backup ended before it was whole' },
    event: {
      ...common.event,
      name: 'run:finished',
      status: 'interrupted',
      durationSeconds,
      errorType: 'internal',
    },
  };
}

const cutOff = { status: 'failed', error: 'the process ended before this copy was whole' } as const;

function copyIn(store: Store, manifest: Manifest): NewCopy {
  return { store: store.id, path: store.locate(manifest.parts[0].name), status: 'good' };
}

/**
 * The run's manifest where it lies in the store beside all of its parts. What a listing leaves out is asked for by name: some
 * servers list what they have been given a while later, and what is taken for torn is deleted.
 */
async function wholeBackup(store: Store, run: Run, signal: AbortSignal): Promise<Manifest | undefined> {
  const objects = new Map<string, StoredObject>();
  for await (const object of store.list(run.objectPrefix)) objects.set(object.name, object);
  const name = await manifestAmong([...objects.keys()], store);
  if (name === undefined) return undefined;
  // A manifest is written last and whole: one that cannot be read is damaged, which is for a person to look at.
  const bytes = Buffer.concat(await Array.fromAsync(store.get(name, { signal })));
  const manifest = decodeManifest(bytes, store.locate(name));
  for (const part of manifest.parts) {
    const found = objects.get(part.name) ?? (await store.stat(part.name));
    if (found?.sizeBytes !== part.headerBytes + part.payloadBytes) return undefined;
  }
  return manifest;
}

async function manifestAmong(names: readonly string[], store: Store): Promise<string | undefined> {
  const listed = names.find((name) => isManifestName(name));
  if (listed !== undefined) return listed;
  for (const name of names.map(manifestBeside)) if ((await store.stat(name)) !== undefined) return name;
  return undefined;
}

/**
 * Removes all that a run has left in the stores. A store that refuses keeps it: parts without a manifest are no backup, and
 * nothing takes them for one. Returns a warning for each such store.
 */
export async function discardObjects(stores: readonly Store[], prefix: string): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const store of stores) {
    try {
      await store.sweep(prefix);
      const names = (await Array.fromAsync(store.list(prefix))).map((object) => object.name);
      // The manifest first: as long as it is there, the rest is taken for a backup.
      const manifestsFirst = names.toSorted((a, b) => Number(isManifestName(b)) - Number(isManifestName(a)));
      for (const name of manifestsFirst) await store.delete(name);
    } catch (thrown) {
      warnings.push(`store ${store.id} may still hold ${prefix}…: ${LowtideError.from(thrown).message}`);
    }
  }
  return warnings;
}
