import type { Backup, Catalog, Run } from '../catalog/catalog.ts';
import type { Drill } from '../catalog/drills.ts';
import type { Rotation } from '../catalog/rotations.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Caller } from './caller.ts';
import type { Begun, Commands } from './commands.ts';
import type { BackupRun, Drill as DrillView, Rotation as RotationView, Run as AnyRun } from './contract.ts';
import { drillView } from './drill-view.ts';
import { pageOf, pageOfAll, pageOfIds, type PageQuery } from './cursor.ts';
import type { Ending, Handlers } from './handling.ts';
import { auditView, backgroundRunView, backupView, rotationView, runView } from './views.ts';

/** What the API reads by itself. */
export type ApiCatalog = Pick<
  Catalog,
  | 'run'
  | 'runs'
  | 'backup'
  | 'backups'
  | 'access'
  | 'background'
  | 'drills'
  | 'reviews'
  | 'rotations'
  | 'runLogs'
>;

/** Hears of work as soon as it has begun, however long the answer is waited for. `detail` is for the audit log. */
export type OnBegun = (run: { readonly id: string }, detail: string) => Promise<void>;

/** What each route does, for one caller. */
export function handlersFor(
  catalog: ApiCatalog,
  commands: Commands,
  caller: Caller,
  onBegun: OnBegun,
): Handlers {
  const answerBegun = begunAnswers(onBegun);
  const viewOf = (backup: Backup): ReturnType<typeof backupView> => backupView(backup, commands.locate);
  const backupNamed = async (id: string): Promise<Backup> => {
    const backup = await catalog.backup(id);
    if (backup !== undefined) return backup;
    throw new LowtideError('not_found', `there is no backup ${id}`, { hint: 'GET backups lists them.' });
  };
  const anyRunNamed = async (id: string): Promise<AnyRun> => {
    const run = await catalog.run(id);
    if (run !== undefined) return await backupRunView(run);
    const background = await catalog.background.run(id);
    if (background === undefined) throw noRun(id);
    return backgroundRunView(background, commands.progressOf(id));
  };
  const rotationNamed = async (id: string): Promise<Rotation> => {
    const rotation = await catalog.rotations.rotation(id);
    if (rotation !== undefined) return rotation;
    throw new LowtideError('not_found', `there is no rotation ${id}`, { hint: 'GET rotations lists them.' });
  };
  const viewOfRotation = (rotation: Rotation): RotationView =>
    rotationView(rotation, commands.now(), {
      waitsFor: commands.rotationWaitsFor(rotation.id),
      progress: commands.progressOf(rotation.id),
    });
  const drillNamed = async (id: string): Promise<Drill> => {
    const drill = await catalog.drills.drill(id);
    if (drill !== undefined) return drill;
    throw new LowtideError('not_found', `there is no drill ${id}`, { hint: 'GET drills lists them.' });
  };
  const viewOfDrill = (drill: Drill): DrillView => drillView(drill, commands.progressOf(drill.id));
  const who = caller.grafanaUser ?? caller.token ?? '';
  const backupRunView = async (run: Run): Promise<BackupRun> =>
    runView(run, commands.progressOf(run.id), (await catalog.reviews.of([run.id])).get(run.id));
  const ok = <T>(body: T): { readonly status: 200; readonly body: T } => ({ status: 200, body });
  return {
    async getStatus() {
      const checks = await commands.checks();
      return ok({
        version: commands.version,
        instance: commands.instance(),
        startedAt: toRfc3339(commands.startedAt),
        now: toRfc3339(commands.now()),
        caller: {
          ...(caller.token !== undefined && { token: caller.token }),
          role: caller.role,
          ...(caller.grafanaUser !== undefined && { grafanaUser: caller.grafanaUser }),
          actions: [...caller.actions],
        },
        ready: checks.every((check) => check.ok),
        checks: checks.map((check) => ({ ...check })),
        restoreTargets: [...commands.restoreTargets()],
        encryption: await commands.encryption(),
      });
    },

    async listSchedules({ query }) {
      const { items: ids, ...more } = pageOfIds('schedules', query, commands.scheduleIds());
      return ok({ items: [...(await commands.schedules(ids))], ...more });
    },
    async getSchedule({ id }) {
      const [schedule] = await commands.schedules([id]);
      if (schedule === undefined) throw new LowtideError('not_found', `there is no schedule ${id}`);
      return ok(schedule);
    },
    addSchedule: async ({ id, body }) => ({ status: 201, body: await commands.addSchedule(id, body) }),
    changeSchedule: async ({ id, body }) => ok(await commands.changeSchedule(id, body)),
    async removeSchedule({ id }) {
      await commands.removeSchedule(id);
      return { status: 204, body: undefined };
    },
    runSchedule: async ({ id, query }) => answerBegun(await commands.run(id), query.wait),
    drillSchedule: async ({ id, query }) => answerBegun(await commands.drill(id), query.wait),
    pauseSchedule: async ({ id }) => ok(await commands.setPaused(id, true)),
    resumeSchedule: async ({ id }) => ok(await commands.setPaused(id, false)),
    skipNext: async ({ id }) => ok(await commands.skipNext(id)),

    getPlan: async ({ query }) => ok(await commands.plan(query.hours, query.paused === 'true')),
    getLoad: async ({ query }) => ok(await commands.load(query.hours, query.host)),

    listRuns: async ({ query: { schedule, status, ...page } }) =>
      ok(
        await pageOf(
          'runs',
          page,
          (after, limit) => catalog.runs({ limit, ...given({ schedule, status, after }) }),
          (run) => run.id,
          backupRunView,
        ),
      ),
    getRun: async ({ id }) => ok(await anyRunNamed(id)),
    async getRunLog({ id }) {
      if ((await catalog.run(id)) === undefined) throw noRun(id);
      const lines = (await catalog.runLogs.of(id)).map((line) => ({ ...line, at: toRfc3339(line.at) }));
      return ok({ lines });
    },
    async cancelRun({ id }) {
      const run = (await catalog.run(id)) ?? (await catalog.background.run(id));
      if (run === undefined) throw noRun(id);
      commands.cancel(run);
      return { status: 202, body: await anyRunNamed(id) };
    },

    listBackups: async ({ query: { schedule, status, key: keyId, ...page } }) =>
      ok(
        await pageOf(
          'backups',
          page,
          (after, limit) => catalog.backups({ limit, ...given({ schedule, status, keyId, after }) }),
          (backup) => backup.id,
          viewOf,
        ),
      ),
    getBackup: async ({ id }) => ok(viewOf(await backupNamed(id))),
    async getManifest({ id }) {
      const { manifest } = await backupNamed(id);
      if ('parts' in manifest) return ok(manifest);
      throw new LowtideError('not_found', `backup ${id} has no manifest: ${manifest.source.type} keeps it`);
    },
    verifyBackup: async ({ id, query }) =>
      answerBegun(await commands.verify(await backupNamed(id)), query.wait),
    restoreBackup: async ({ id, query, body: { target, force } }) =>
      answerBegun(await commands.restore(await backupNamed(id), target, force), query.wait, target),

    listDrills: async ({ query: { schedule, status, ...page } }) =>
      ok(
        await pageOf(
          'drills',
          page,
          (after, limit) => catalog.drills.list({ limit, ...given({ schedule, status, after }) }),
          (drill) => drill.id,
          viewOfDrill,
        ),
      ),
    getDrill: async ({ id }) => ok(viewOfDrill(await drillNamed(id))),
    async cancelDrill({ id }) {
      commands.cancelDrill(await drillNamed(id));
      return { status: 202, body: viewOfDrill(await drillNamed(id)) };
    },

    async listKeys({ query }) {
      const { keys, lost } = await commands.keys();
      return ok({ ...pageOfAll('keys', query, keys, (key) => key.id), lost: [...lost] });
    },
    retireKey: async ({ id }) => ok(await commands.retireKey(id, who)),

    listRotations: async ({ query }) =>
      ok(
        await pageOf(
          'rotations',
          query,
          (after, limit) => catalog.rotations.list({ limit, ...given({ after }) }),
          (rotation) => rotation.id,
          viewOfRotation,
        ),
      ),
    getRotation: async ({ id }) => ok(viewOfRotation(await rotationNamed(id))),
    async startRotation({ query, body: { dryRun, ...wish } }) {
      if (dryRun) return { ...ok(await commands.planRotation(wish)), detail: 'dry run' };
      return answerBegun(await commands.rotate(wish, who), query.wait);
    },
    async cancelRotation({ id }) {
      await rotationNamed(id);
      return { status: 202, body: viewOfRotation(await catalog.rotations.requestCancel(id)) };
    },
    async resumeRotation({ id, query }) {
      await rotationNamed(id);
      return answerBegun(await commands.resumeRotation(id), query.wait);
    },

    listAudit: async ({ query }) => ok(await auditPage(catalog, query)),
  };
}

function auditPage({ access }: Pick<Catalog, 'access'>, query: PageQuery) {
  return pageOf(
    'audit',
    query,
    (after, limit) => access.auditBefore(after === undefined ? undefined : sequenceOf(after), limit),
    (entry) => String(entry.sequence),
    auditView,
  );
}

function sequenceOf(written: string): number {
  if (/^[1-9]\d{0,14}$/.test(written)) return Number(written);
  throw new LowtideError('usage', 'the cursor is none of audit', {
    hint: 'Take nextCursor of the page before as it is, or leave it out to begin at the newest.',
  });
}

interface Ended {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: string } | undefined;
}

type BegunAnswer<T> =
  | { readonly status: 200; readonly body: T; readonly detail: string; readonly outcome: Ending }
  | { readonly status: 202; readonly body: T; readonly detail: string; readonly ending: Promise<Ending> };

function begunAnswers(onBegun: OnBegun) {
  return async <T extends Ended>(
    { run, ended }: Begun<T>,
    wait: 'true' | 'false',
    detail = run.id,
  ): Promise<BegunAnswer<T>> => {
    // How it ends is asked for in a moment.
    ended.catch(() => undefined);
    await onBegun(run, detail);
    if (wait === 'true') {
      const body = await ended;
      return { status: 200, body, detail, outcome: endingOf(body) };
    }
    return { status: 202, body: run, detail, ending: ended.then(endingOf) };
  };
}

function endingOf({ status, error }: Ended): Ending {
  if (status === 'completed' || status === 'passed') return { result: 'done' };
  return { result: 'failed', ...(error !== undefined && { code: error.code }) };
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
