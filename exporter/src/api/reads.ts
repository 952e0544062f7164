import type { BackgroundRun } from '../catalog/background.ts';
import type { Backup, CatalogReader, Place, Run } from '../catalog/catalog.ts';
import type { Drill } from '../catalog/drills.ts';
import type { Rotation } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339 } from '../units/instant.ts';
import type {
  Backup as BackupView,
  BackupRun,
  Drill as DrillView,
  Own,
  Rotation as RotationView,
  Run as AnyRun,
} from './contract.ts';
import { drillView } from './drill-view.ts';
import type { Handlers } from './handling.ts';
import { hostPage, type HostList } from './lists.ts';
import { of, type Side, type Sides } from './sides.ts';
import { backgroundRunView, backupView, rotationView, runView } from './views.ts';

type Reads = Pick<
  Handlers,
  | 'listRuns'
  | 'getRun'
  | 'getRunLog'
  | 'listBackups'
  | 'getBackup'
  | 'getManifest'
  | 'listDrills'
  | 'getDrill'
  | 'listRotations'
  | 'getRotation'
>;

/** What is on record of one host, or of all. */
export function readHandlers(sides: Sides): Reads {
  const ok = <T>(body: T): { readonly status: 200; readonly body: T } => ({ status: 200, body });
  return {
    listRuns: async ({ query: { schedule, status, ...page } }) =>
      ok(await hostPage(sides, page, runList(given({ schedule, status })))),
    async getRun({ id, query }) {
      const side = await sides.of(query.host);
      return ok(of(side.host, await runOf(side, id)));
    },
    async getRunLog({ id, query }) {
      const { catalog } = await sides.of(query.host);
      if ((await catalog.run(id)) === undefined) throw noRun(id);
      const lines = (await catalog.runLogs.of(id)).map((line) => ({ ...line, at: toRfc3339(line.at) }));
      return ok({ lines });
    },

    listBackups: async ({ query: { schedule, status, key: keyId, ...page } }) =>
      ok(await hostPage(sides, page, backupList(given({ schedule, status, keyId })))),
    async getBackup({ id, query }) {
      const side = await sides.of(query.host);
      return ok(of(side.host, backupView(await backupNamed(side.catalog, id), side.live.locate)));
    },
    async getManifest({ id, query }) {
      const { manifest } = await backupNamed((await sides.of(query.host)).catalog, id);
      if ('parts' in manifest) return ok(manifest);
      throw new LowtideError('not_found', `backup ${id} has no manifest: ${manifest.source.type} keeps it`);
    },

    listDrills: async ({ query: { schedule, status, ...page } }) =>
      ok(await hostPage(sides, page, drillList(given({ schedule, status })))),
    async getDrill({ id, query }) {
      const side = await sides.of(query.host);
      return ok(of(side.host, drillOf(side, await drillNamed(side.catalog, id))));
    },

    listRotations: async ({ query }) => ok(await hostPage(sides, query, rotations)),
    async getRotation({ id, query }) {
      const side = await sides.of(query.host);
      return ok(of(side.host, rotationOf(side, await rotationNamed(side.catalog, id))));
    },
  };
}

type Filter<Name extends 'runs' | 'backups'> = Omit<
  Parameters<CatalogReader[Name]>[0],
  'limit' | 'after' | 'behind'
>;
type DrillFilter = Omit<Parameters<CatalogReader['drills']['list']>[0], 'limit' | 'after' | 'behind'>;

const begun = ({ startedAt, id }: { readonly startedAt: number; readonly id: string }): Place => ({
  at: startedAt,
  id,
});

function runList(filter: Filter<'runs'>): HostList<Run, Own<BackupRun>> {
  return {
    name: 'runs',
    read: (catalog, from) => catalog.runs({ ...from, ...filter }),
    placeOf: begun,
    async views(runs, { catalog, live }) {
      const reviews = await catalog.reviews.of(runs.map(({ id }) => id));
      return runs.map((run) => runView(run, live.progressOf(run.id), reviews.get(run.id)));
    },
  };
}

function backupList(filter: Filter<'backups'>): HostList<Backup, Own<BackupView>> {
  return {
    name: 'backups',
    read: (catalog, from) => catalog.backups({ ...from, ...filter }),
    placeOf: ({ createdAt, id }) => ({ at: createdAt, id }),
    views: (backups, { live }) => backups.map((backup) => backupView(backup, live.locate)),
  };
}

function drillList(filter: DrillFilter): HostList<Drill, Own<DrillView>> {
  return {
    name: 'drills',
    read: (catalog, from) => catalog.drills.list({ ...from, ...filter }),
    placeOf: begun,
    views: (drills, side) => drills.map((drill) => drillOf(side, drill)),
  };
}

const rotations: HostList<Rotation, Own<RotationView>> = {
  name: 'rotations',
  read: (catalog, from) => catalog.rotations.list(from),
  placeOf: begun,
  views: (found, side) => found.map((rotation) => rotationOf(side, rotation)),
};

/** A backup, a verification or a restore. Throws `not_found`. */
export async function runOf({ catalog, live }: Side, id: string): Promise<Own<AnyRun>> {
  const run = await catalog.run(id);
  if (run !== undefined) return runView(run, live.progressOf(id), (await catalog.reviews.of([id])).get(id));
  const background = await catalog.background.run(id);
  if (background === undefined) throw noRun(id);
  return backgroundRunView(background, live.progressOf(id));
}

/** Throws `not_found`. */
export async function anyRunNamed(catalog: CatalogReader, id: string): Promise<Run | BackgroundRun> {
  const run = (await catalog.run(id)) ?? (await catalog.background.run(id));
  if (run === undefined) throw noRun(id);
  return run;
}

/** Throws `not_found`. */
export async function backupNamed(catalog: CatalogReader, id: string): Promise<Backup> {
  const backup = await catalog.backup(id);
  if (backup !== undefined) return backup;
  throw new LowtideError('not_found', `there is no backup ${id}`, { hint: 'GET backups lists them.' });
}

export function drillOf({ live }: Side, drill: Drill): Own<DrillView> {
  return drillView(drill, live.progressOf(drill.id));
}

/** Throws `not_found`. */
export async function drillNamed(catalog: CatalogReader, id: string): Promise<Drill> {
  const drill = await catalog.drills.drill(id);
  if (drill !== undefined) return drill;
  throw new LowtideError('not_found', `there is no drill ${id}`, { hint: 'GET drills lists them.' });
}

export function rotationOf({ live }: Side, rotation: Rotation): Own<RotationView> {
  return rotationView(rotation, live.now(), {
    waitsFor: live.rotationWaitsFor(rotation.id),
    progress: live.progressOf(rotation.id),
  });
}

/** Throws `not_found`. */
export async function rotationNamed(catalog: CatalogReader, id: string): Promise<Rotation> {
  const rotation = await catalog.rotations.rotation(id);
  if (rotation !== undefined) return rotation;
  throw new LowtideError('not_found', `there is no rotation ${id}`, { hint: 'GET rotations lists them.' });
}

function noRun(id: string): LowtideError {
  return new LowtideError('not_found', `there is no run ${id}`, {
    hint: 'GET runs lists backup runs; a verification or a restore was named when it began.',
  });
}

/** Without what is undefined. */
function given<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
