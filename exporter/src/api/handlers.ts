import type { Catalog, CatalogReader } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Caller } from './caller.ts';
import type { Begun, Commands } from './commands.ts';
import type { Own, Schedule } from './contract.ts';
import { pageOf, pageOfAll, type PageQuery } from './cursor.ts';
import type { Ending, Handlers } from './handling.ts';
import { campaignHandlers, campaignsBy } from './campaign-handlers.ts';
import { hostHandlers, relayOf } from './host-handlers.ts';
import type { OtherHosts } from './other-hosts.ts';
import {
  anyRunNamed,
  backupNamed,
  drillNamed,
  drillOf,
  readHandlers,
  rotationNamed,
  rotationOf,
  runOf,
} from './reads.ts';
import { scheduleReads } from './schedule-reads.ts';
import { of, Sides } from './sides.ts';
import { auditView } from './views.ts';

/** What the API reads by itself. */
export type ApiCatalog = CatalogReader & Pick<Catalog, 'access' | 'rotations'>;

/** Hears of work as soon as it has begun, however long the answer is waited for. `detail` is for the audit log. */
export type OnBegun = (run: { readonly id: string }, detail: string) => Promise<void>;

/** What the handlers work with. */
export interface HandlerParts {
  readonly catalog: ApiCatalog;
  readonly commands: Commands;
  /** Absent: no other host shares the state. */
  readonly others: OtherHosts | undefined;
}

/** What each route does, for one caller. */
export function handlersFor(
  { catalog, commands, others }: HandlerParts,
  caller: Caller,
  onBegun: OnBegun,
): Handlers {
  const sides = new Sides(catalog, commands, others);
  const own = sides.own();
  const answerBegun = begunAnswers(sides.self, onBegun);
  const relay = relayOf(sides, caller);
  const askForRotation = campaignsBy(sides, caller);
  const who = caller.grafanaUser ?? caller.token ?? '';
  const ok = <T>(body: T): { readonly status: 200; readonly body: T } => ({ status: 200, body });
  const okSchedule = (schedule: Own<Schedule>): { status: 200; body: Schedule } =>
    ok(of(sides.self, schedule));
  return {
    ...readHandlers(sides),
    ...scheduleReads(sides, commands),
    ...hostHandlers(sides, commands),
    ...campaignHandlers(sides, caller),
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

    addSchedule: async ({ id, body }) => ({
      status: 201,
      body: of(sides.self, await commands.addSchedule(id, body)),
    }),
    changeSchedule: async ({ id, body }) => okSchedule(await commands.changeSchedule(id, body)),
    async removeSchedule({ id }) {
      await commands.removeSchedule(id);
      return { status: 204, body: undefined };
    },
    runSchedule: async ({ id, query: { host, wait } }) =>
      (await relay(host, 'run', id, wait)) ?? answerBegun(await commands.run(id), wait),
    drillSchedule: async ({ id, query }) => answerBegun(await commands.drill(id), query.wait),
    pauseSchedule: async ({ id, query: { host } }) =>
      (await relay(host, 'pause', id)) ?? okSchedule(await commands.setPaused(id, true)),
    resumeSchedule: async ({ id, query: { host } }) =>
      (await relay(host, 'resume', id)) ?? okSchedule(await commands.setPaused(id, false)),
    skipNext: async ({ id, query: { host } }) =>
      (await relay(host, 'skip-next', id)) ?? okSchedule(await commands.skipNext(id)),
    async cancelRun({ id, query: { host } }) {
      const asked = await relay(host, 'cancel', id);
      if (asked !== undefined) return asked;
      commands.cancel(await anyRunNamed(catalog, id));
      return { status: 202, body: of(sides.self, await runOf(own, id)) };
    },

    verifyBackup: async ({ id, query }) =>
      answerBegun(await commands.verify(await backupNamed(catalog, id)), query.wait),
    restoreBackup: async ({ id, query, body: { target, force } }) =>
      answerBegun(await commands.restore(await backupNamed(catalog, id), target, force), query.wait, target),

    async cancelDrill({ id }) {
      commands.cancelDrill(await drillNamed(catalog, id));
      return { status: 202, body: of(sides.self, drillOf(own, await drillNamed(catalog, id))) };
    },

    async listKeys({ query }) {
      const { keys, lost } = await commands.keys();
      return ok({ ...pageOfAll('keys', query, keys, (key) => key.id), lost: [...lost] });
    },
    retireKey: async ({ id }) => ok(await commands.retireKey(id, who)),

    async startRotation({ query, body: { dryRun, ...wish } }) {
      const campaign = await askForRotation(query, wish, dryRun);
      if (campaign !== undefined) return campaign;
      if (dryRun) return { ...ok(await commands.planRotation(wish)), detail: 'dry run' };
      return answerBegun(await commands.rotate(wish, who), query.wait);
    },
    async cancelRotation({ id }) {
      await rotationNamed(catalog, id);
      const asked = await catalog.rotations.requestCancel(id);
      return { status: 202, body: of(sides.self, rotationOf(own, asked)) };
    },
    async resumeRotation({ id, query }) {
      await rotationNamed(catalog, id);
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

type Placed<T> = Own<T> & { readonly host: string };
type BegunAnswer<T> =
  | { readonly status: 200; readonly body: Placed<T>; readonly detail: string; readonly outcome: Ending }
  | {
      readonly status: 202;
      readonly body: Placed<T>;
      readonly detail: string;
      readonly ending: Promise<Ending>;
    };

export function begunAnswers(host: string, onBegun: OnBegun) {
  return async <T extends Ended>(
    { run, ended }: Begun<T>,
    wait: 'true' | 'false',
    detail = run.id,
  ): Promise<BegunAnswer<T>> => {
    // How it ends is asked for in a moment.
    ended.catch(() => undefined);
    await onBegun(of(host, run), detail);
    if (wait === 'true') {
      const body = of(host, await ended);
      return { status: 200, body, detail, outcome: endingOf(body) };
    }
    return { status: 202, body: of(host, run), detail, ending: ended.then(endingOf) };
  };
}

function endingOf({ status, error }: Ended): Ending {
  if (status === 'completed' || status === 'passed') return { result: 'done' };
  return { result: 'failed', ...(error !== undefined && { code: error.code }) };
}
