import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { openPostgresCatalog } from '../../exporter/src/catalog/postgres.ts';
import { PostgresDatabase, type HostState } from '../../exporter/src/catalog/postgres/database.ts';
import { schemaOf } from '../../exporter/src/catalog/postgres/schema-name.ts';
import type { StateDatabase } from '../../exporter/src/catalog/sql/transaction.ts';
import { openStandIn, type StandIn } from '../../exporter/src/catalog/stand-in.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { openPostgres, type Postgres, type Timeouts } from '../../exporter/src/postgres/postgres.ts';
import { catalogConformance } from '../conformance/catalog.ts';
import { newManifest, newRun, noon, runEnd } from '../conformance/catalog-samples.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

let server: PostgresServer;
let root: string;
beforeAll(async () => {
  server = await startPostgres();
  root = mkdtempSync(join(tmpdir(), 'lowtide-stand-in-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const newFolder = (): string => mkdtempSync(join(root, 'folder-'));
const impatient = { connect: 1500, statement: 2000, lock: 2000, idleInTransaction: 2000 };
const postgres = (timeouts: Partial<Timeouts> = impatient): Postgres =>
  openPostgres(server.url(), { applicationName: 'tests', timeouts });

let instances = 0;
let instance: string;
let folder: string;
beforeEach(() => {
  instance = `host-${(instances += 1)}`;
  folder = newFolder();
});

const hostAt = (home: string, name = instance): HostState => ({
  ...{ instance: name, folder: home },
  assertOurs: () => Promise.resolve(),
});

/** As the service of the host opens it. `through`: what its transactions go through. */
async function opened(
  through: (database: StateDatabase) => StateDatabase = (database) => database,
): Promise<StandIn> {
  return await openStandIn({
    folder: join(folder, 'stand-in'),
    connect: async () => through(await PostgresDatabase.open(postgres(), hostAt(folder))),
    now: () => noon,
  });
}

/** What PostgreSQL has, by whoever else asks. */
async function onRecord<T>(ask: (catalog: Catalog) => Promise<T>): Promise<T> {
  await using catalog = await openPostgresCatalog(postgres(), hostAt(newFolder()));
  return await ask(catalog);
}

const namesOf = async (catalog: Catalog): Promise<readonly string[]> =>
  (await catalog.eventsAfter(0, 1000)).map(({ body }) => body.name);

catalogConformance('PostgreSQL, with a stand-in', () => {
  const home = newFolder();
  const name = `host-${(instances += 1)}`;
  return Promise.resolve({
    open: async () => {
      const { catalog } = await openStandIn({
        folder: newFolder(),
        // Here nothing is away, and dozens that ask at once may have to wait.
        connect: () => PostgresDatabase.open(postgres({}), hostAt(home, name)),
        now: () => noon,
      });
      return catalog;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

/** Runs it while PostgreSQL is not there, and resolves once it is there again. */
async function whileStopped(work: () => Promise<void>): Promise<void> {
  await server.crash();
  try {
    await work();
  } finally {
    await server.restart();
  }
}

/** A run that begins and ends, with all that belongs to it. */
async function whole(catalog: Catalog, id: string, more: Parameters<typeof newRun>[1] = {}): Promise<void> {
  const run = newRun(id, more);
  await catalog.startRun(run);
  await catalog.runLogs.append(id, { at: noon, level: 'info', message: `${id} has begun` });
  await catalog.finishRun(id, runEnd(run, { manifest: newManifest(`b-${id}`) }));
  await catalog.recordVerification(`b-${id}`, 'local', { status: 'passed', at: noon + 70_000 });
}

const wholeEvents = ['run:started', 'run:finished', 'backup:verified'];

describe('a catalog whose PostgreSQL is away', () => {
  it('is noted on this host, and delivered in order when it is back', async () => {
    const standIn = await opened();
    const { catalog } = standIn;
    await using _ = catalog;
    const absences: string[] = [];
    standIn.onAway = ({ reason }) => absences.push(reason.code);
    const back: string[] = [];
    standIn.whenBack(async () => void back.push(...(await namesOf(catalog))));
    await catalog.access.addedSchedules();
    await catalog.append({ name: 'run:deferred', schedule: 'db-prod', reason: 'cpu' }, noon);

    await whileStopped(async () => {
      await whole(catalog, 'r1', { dueAt: noon });
      expect(standIn.isAway()).toBe(true);
      await catalog.recordMissed('files', { dueAt: noon, occurrences: 2, reason: 'cut_off' }, noon);
      expect(await catalog.run('r1')).toMatchObject({ status: 'completed', backupId: 'b-r1' });
      expect(await catalog.backup('b-r1')).toMatchObject({ copies: [{ store: 'local', status: 'good' }] });
      expect(await catalog.schedule('db-prod')).toEqual({ paused: false, settledUntil: noon });
      expect(await catalog.runs({ schedule: 'db-prod', dueAt: noon, limit: 3 })).toHaveLength(1);
      expect(standIn.completed).toEqual(new Map([['db-prod', noon + 60_000]]));
      await expect(standIn.tryToReturn()).rejects.toMatchObject({ code: 'state_unavailable' });
    });
    expect(absences).toEqual(['state_unavailable']);

    const waiting = standIn.waiting;
    expect(waiting).toBe(5);
    await standIn.tryToReturn();
    expect(standIn).toMatchObject({ waiting: 0, absence: undefined });
    const events = ['run:deferred', ...wholeEvents, 'run:missed'];
    expect(back).toEqual(events);
    expect(await onRecord(namesOf)).toEqual(events);
    expect(await onRecord((known) => known.backup('b-r1'))).toMatchObject({
      copies: [{ store: 'local', status: 'good', verifiedAt: noon + 70_000 }],
    });
    expect(await onRecord((known) => known.runLogs.of('r1'))).toHaveLength(1);
    expect(await onRecord((known) => known.schedule('files'))).toEqual(await catalog.schedule('files'));
    await catalog.append({ name: 'run:deferred', schedule: 'db-prod', reason: 'cpu' }, noon);
    expect(await onRecord(namesOf)).toHaveLength(6);
  });

  it('gives no answer of which it knows but a part', async () => {
    const { catalog } = await opened();
    await using _ = catalog;
    await whole(catalog, 'r1');
    await whileStopped(async () => {
      await whole(catalog, 'r2', { startedAt: noon + 3_600_000 });
      for (const asked of [
        () => catalog.backups({ schedule: 'db-prod', limit: 10 }),
        () => catalog.runs({ schedule: 'db-prod', limit: 10 }),
        () => catalog.run('r1'),
        () => catalog.backup('b-r1'),
        () => catalog.totals(),
        () => catalog.proofs(),
        () => catalog.check(),
        () => catalog.eventsAfter(0, 10),
        () => catalog.copies.good('db-prod'),
        () => catalog.rotations.list({ limit: 1 }),
        () => catalog.removeCopy('b-r1', 'local', 'keep', noon),
        () => catalog.setPaused('db-prod', true),
      ])
        await expect(asked()).rejects.toMatchObject({ code: 'state_unavailable', retryable: true });
    });
  });

  it('takes the end of a run that began before', async () => {
    const standIn = await opened();
    await using catalog = standIn.catalog;
    const run = newRun('r1');
    await catalog.startRun(run);
    await whileStopped(async () => {
      await catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') }));
      expect(await catalog.orphanedRuns(new Set())).toEqual([]);
    });
    await standIn.tryToReturn();
    expect(await onRecord(namesOf)).toEqual(['run:started', 'run:finished']);
    expect(await onRecord((known) => known.run('r1'))).toMatchObject({ status: 'completed', backupId: 'b1' });
  });

  it('does again what could not be done when it was back', async () => {
    const standIn = await opened();
    await using catalog = standIn.catalog;
    const done: string[] = [];
    standIn.whenBack(() => {
      done.push('tried');
      return done.length === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    });
    await catalog.access.addedSchedules();
    await whileStopped(() => catalog.recordMissed('files', { dueAt: noon, occurrences: 1 }, noon));
    await expect(standIn.tryToReturn()).rejects.toThrow('not yet');
    expect([standIn.isAway(), standIn.isOwed]).toEqual([false, true]);
    await standIn.tryToReturn();
    await standIn.tryToReturn();
    expect([done.length, standIn.isOwed]).toEqual([2, false]);
  });

  it('is opened away by a host that was there before, with all that it knew, and by no other', async () => {
    {
      const { catalog } = await opened();
      await using _ = catalog;
      await catalog.access.putAddedSchedule({ id: 'added', body: { every: '1d' } });
      await catalog.access.addedSchedules();
      await catalog.setPaused('files', true);
      await catalog.schedule('files');
      await catalog.startRun(newRun('r1', { dueAt: noon }));
    }
    await server.crash();
    const standIn = await opened();
    await using catalog = standIn.catalog;
    expect(standIn.isAway()).toBe(true);
    expect(await catalog.access.addedSchedules()).toEqual([{ id: 'added', body: { every: '1d' } }]);
    expect(await catalog.schedule('files')).toEqual({ paused: true });
    expect(await catalog.schedule('db-prod')).toEqual({ paused: false, settledUntil: noon });
    expect(await catalog.orphanedRuns(new Set())).toMatchObject([{ id: 'r1' }]);
    await catalog.finishRun('r1', runEnd(newRun('r1'), { status: 'interrupted' }));
    await whole(catalog, 'r2', { dueAt: noon });
    folder = newFolder();
    await expect(opened()).rejects.toMatchObject({ code: 'state_unavailable' });

    await server.restart();
    await standIn.tryToReturn();
    expect(await onRecord((known) => known.runs({ limit: 10 }))).toMatchObject([
      { id: 'r2', status: 'completed' },
      { id: 'r1', status: 'interrupted' },
    ]);
    expect(await onRecord((known) => known.orphanedRuns(new Set()))).toEqual([]);
  });

  it('delivers at the start what a process before it has left', async () => {
    {
      const { catalog } = await opened();
      await using _ = catalog;
      await catalog.access.addedSchedules();
      await whileStopped(() => whole(catalog, 'r1'));
    }
    const standIn = await opened();
    await using _ = standIn.catalog;
    expect(standIn).toMatchObject({ absence: undefined, waiting: 0 });
    expect(await onRecord(namesOf)).toEqual(wholeEvents);
  });

  it('lets only one process at a time stand in', async () => {
    const { catalog } = await opened();
    await using _ = catalog;
    await expect(opened()).rejects.toMatchObject({ code: 'state_busy' });
  });
});

/** Commits, and says that nobody knows. */
function losingAnswers(): {
  readonly through: (database: StateDatabase) => StateDatabase;
  lose: number;
} {
  const losing = {
    lose: 0,
    through: (database: StateDatabase): StateDatabase => ({
      read: (work) => database.read(work),
      async write(work) {
        const result = await database.write(work);
        if (losing.lose === 0) return result;
        losing.lose -= 1;
        throw new LowtideError('state_unknown', 'lost while it wrote');
      },
      findings: () => database.findings(),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }),
  };
  return losing;
}

describe('where the answer to a COMMIT is lost', () => {
  it('what was delivered is not delivered again', async () => {
    const losing = losingAnswers();
    const standIn = await opened(losing.through);
    await using catalog = standIn.catalog;
    await whileStopped(async () => {
      // More than go into one transaction.
      for (let each = 0; each < 30; each += 1) await whole(catalog, `r${each}`);
    });
    losing.lose = 2;
    await expect(standIn.tryToReturn()).rejects.toMatchObject({ code: 'state_unknown' });
    await expect(standIn.tryToReturn()).rejects.toMatchObject({ code: 'state_unknown' });
    await standIn.tryToReturn();
    expect(losing.lose).toBe(0);
    const names = await onRecord(namesOf);
    expect(names).toEqual(Array.from({ length: 30 }, () => wholeEvents).flat());
    expect(await onRecord((known) => known.runs({ limit: 100 }))).toHaveLength(30);
  });

  it('what was asked for is done once, whatever it was', async () => {
    const losing = losingAnswers();
    const standIn = await opened(losing.through);
    await using catalog = standIn.catalog;
    const run = newRun('r1', { dueAt: noon });
    const steps: (() => Promise<unknown>)[] = [
      () => catalog.startRun(run),
      () => catalog.runLogs.append('r1', { at: noon, level: 'info', message: 'has begun' }),
      () => catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') })),
      () => catalog.recordVerification('b1', 'local', { status: 'passed', at: noon + 1 }),
      () => catalog.recordRestore('b1', 'completed', noon + 2),
      () => catalog.recordMissed('files', { dueAt: noon, occurrences: 1 }, noon + 3),
      () => catalog.append({ name: 'run:deferred', schedule: 'files', reason: 'cpu' }, noon + 4),
      () => catalog.access.appendAudit({ actor: 'cli', from: 'here', action: 'run', result: 'done' }, noon),
      () => catalog.settle('files', noon + 5),
    ];
    for (const step of steps) {
      losing.lose = 1;
      await step();
      expect(standIn).toMatchObject({ waiting: 1 });
      await standIn.tryToReturn();
    }
    expect(await onRecord(namesOf)).toEqual([
      ...wholeEvents,
      'backup:restored',
      'run:missed',
      'run:deferred',
    ]);
    expect(await onRecord((known) => known.runLogs.of('r1'))).toHaveLength(1);
    expect(await onRecord((known) => known.access.auditAfter(0, 10))).toHaveLength(1);
    expect(await onRecord((known) => known.schedule('files'))).toMatchObject({ settledUntil: noon + 5 });
  });
});

describe('what others have done meanwhile', () => {
  it('a run that was taken for dead has completed all the same, as one run', async () => {
    const standIn = await opened();
    await using catalog = standIn.catalog;
    const run = newRun('r1');
    await catalog.startRun(run);
    await whileStopped(() =>
      catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') })).then(() => undefined),
    );
    await onRecord(async (other) => {
      server.query(`DELETE FROM ${schemaOf(instance)}.owners`);
      await other.orphanedRuns(new Set());
      await other.finishRun('r1', runEnd(run, { status: 'interrupted' }));
    });
    await standIn.tryToReturn();
    expect(await onRecord((known) => known.runs({ limit: 10 }))).toMatchObject([
      { id: 'r1', status: 'completed', backupId: 'b1' },
    ]);
    expect((await onRecord((known) => known.runs({ limit: 10 })))[0]).not.toHaveProperty('error');
    expect(await onRecord((known) => known.backup('b1'))).toMatchObject({ status: 'completed' });
  });

  it('a run whose server has lost it in a failover is filed whole', async () => {
    const standIn = await opened();
    await using catalog = standIn.catalog;
    const run = newRun('r1', { dueAt: noon });
    await catalog.startRun(run);
    server.query(`DELETE FROM ${schemaOf(instance)}.runs`);
    await whileStopped(() =>
      catalog.finishRun('r1', runEnd(run, { manifest: newManifest('b1') })).then(() => undefined),
    );
    await standIn.tryToReturn();
    expect(await onRecord((known) => known.runs({ limit: 10 }))).toMatchObject([
      { id: 'r1', status: 'completed' },
    ]);
  });

  it('what can never be delivered is set aside, and the rest is delivered', async () => {
    const standIn = await opened();
    await using catalog = standIn.catalog;
    const refused: string[] = [];
    standIn.onRefused = (what, error) => refused.push(`${what} ${error.code}`);
    await whileStopped(async () => {
      await whole(catalog, 'r1');
      await catalog.recordVerification('b-unknown', 'local', { status: 'passed', at: noon });
      await whole(catalog, 'r2');
    });
    await standIn.tryToReturn();
    expect(refused).toEqual(['recordVerification not_found']);
    expect(standIn.waiting).toBe(0);
    expect(await onRecord(namesOf)).toEqual([...wholeEvents, ...wholeEvents]);
  });
});
