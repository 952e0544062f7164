import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newManifest } from '../../../test/conformance/catalog-samples.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { rebuildCatalog } from '../catalog/rebuild.ts';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import type { KeepConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { DirectoryStore } from '../store/directory.ts';
import { encodeManifest, manifestName, storedManifest, type Manifest } from '../store/manifest.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { prune, type PruneOptions, type PruneResult } from './prune.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 10, 24, 12);
const { signal } = new AbortController();

let work: string;
let catalog: Catalog;
let local: DirectoryStore;
let offsite: DirectoryStore;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-prune-'));
  catalog = openSqliteCatalog(join(work, 'state'));
  local = new DirectoryStore('local', join(work, 'local'));
  offsite = new DirectoryStore('offsite', join(work, 'offsite'));
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

async function* bytesOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** A backup of two parts, `age` days old, as the pipeline leaves it: parts, manifest, catalog. */
async function givenBackup(
  id: string,
  age: number,
  stores: readonly Store[] = [local],
  schedule = 'db-prod',
): Promise<Manifest> {
  const sample = newManifest(id, { schedule, createdAt: now - age * day, payloadBytes: 104 });
  const main = { ...sample.parts[0], headerBytes: 96 };
  const globals = {
    ...main,
    role: 'globals' as const,
    format: 'sql' as const,
    name: `${schedule}/${id}.globals.zst.age`,
  };
  const manifest: Manifest = { ...sample, parts: [main, globals] };
  for (const store of stores) {
    for (const part of manifest.parts) await store.put(part.name, bytesOf(new Uint8Array(200)), { signal });
    await store.put(manifestName(storedManifest(manifest)), bytesOf(encodeManifest(manifest)), { signal });
    await catalog.adoptBackup(manifest, { store: store.id, path: store.locate(main.name), status: 'good' });
  }
  return manifest;
}

function schedule(id: string, keep?: KeepConfig, timezone = 'UTC'): PruneOptions['schedules'][number] {
  return { id, keep, timezone };
}

async function givenBackups(ages: readonly number[], stores?: readonly Store[]): Promise<void> {
  for (const age of ages) await givenBackup(`day-${age}`, age, stores);
}

function pruneWith(more: Partial<PruneOptions> = {}): Promise<PruneResult> {
  return prune({
    catalog,
    stores: new Map([local, offsite].map((store) => [store.id, store])),
    schedules: [schedule('db-prod', { last: 2 })],
    scope: 'schedules',
    now,
    signal,
    ...more,
  });
}

async function namesIn(store: Store): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ name }) => name);
}

async function* listing(sizes: ReadonlyMap<string, number> = new Map()): AsyncIterable<StoredObject> {
  for (const [name, sizeBytes] of sizes) yield await Promise.resolve({ name, sizeBytes, modifiedAt: now });
}

const objectsOf = (...ids: string[]): string[] =>
  ids.flatMap((id) => [
    `db-prod/${id}.globals.zst.age`,
    `db-prod/${id}.pgdump.zst.age`,
    `db-prod/${id}.pgdump.zst.age.json`,
  ]);

const statusOf = async (id: string, store = 'local'): Promise<string | undefined> =>
  (await catalog.backup(id))?.copies.find((copy) => copy.store === store)?.status;

const decisions = (result: PruneResult): string[] =>
  result.verdicts.map(
    ({ store, backupId, keep, reasons }) =>
      `${store} ${backupId} ${keep ? 'keep' : 'remove'}: ${reasons.join('; ')}`,
  );

describe('prune', () => {
  it('removes parts, manifest and copy of what no rule keeps, with the reason on file', async () => {
    await givenBackups([0, 1, 2, 3]);
    const result = await pruneWith();
    expect(decisions(result)).toEqual([
      'local day-0 keep: last: 1 of 2',
      'local day-1 keep: last: 2 of 2',
      'local day-2 remove: no rule keeps it',
      'local day-3 remove: no rule keeps it',
    ]);
    expect(result).toMatchObject({ removed: 2, freedBytes: 800, problems: [] });
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
    expect(await catalog.backup('day-2')).toMatchObject({
      status: 'pruned',
      copies: [{ store: 'local', status: 'pruned', prunedAt: now, pruneReason: 'no rule keeps it' }],
    });
    expect((await catalog.totals()).bytesByStore).toEqual({ local: 800 });
  });

  it('has nothing more to do the second time', async () => {
    await givenBackups([0, 1, 2, 3]);
    await pruneWith();
    const events = await catalog.eventsAfter(0, 100);
    const again = await pruneWith();
    expect(again).toMatchObject({ removed: 0, freedBytes: 0, problems: [] });
    expect(again.verdicts.every(({ keep }) => keep)).toBe(true);
    expect(await catalog.eventsAfter(0, 100)).toEqual(events);
  });

  it('as a dry run gives the same verdicts and touches nothing', async () => {
    await givenBackups([0, 1, 2, 3], [local, offsite]);
    const before = [await namesIn(local), await namesIn(offsite), await catalog.backups({ limit: 9 })];
    const dry = await pruneWith({ dryRun: true });
    expect([await namesIn(local), await namesIn(offsite), await catalog.backups({ limit: 9 })]).toEqual(
      before,
    );
    expect(dry).toMatchObject({ removed: 0, freedBytes: 0 });
    expect((await pruneWith()).verdicts).toEqual(dry.verdicts);
  });

  it('decides in each store by what lies there, so that none loses its last good backup', async () => {
    await givenBackup('old', 9, [local, offsite]);
    await givenBackup('new', 1, [local]);
    const result = await pruneWith({ schedules: [schedule('db-prod', { last: 1 })] });
    expect(decisions(result)).toEqual([
      'local new keep: last: 1 of 1',
      'local old remove: no rule keeps it',
      'offsite old keep: last: 1 of 1',
    ]);
    expect([await statusOf('old', 'local'), await statusOf('old', 'offsite')]).toEqual(['pruned', 'good']);
    expect((await catalog.backup('old'))?.status).toBe('completed');
  });

  it('goes by the rules of each store, and by the general ones in the others', async () => {
    await givenBackups([0, 1, 2, 40, 41, 80], [local, offsite]);
    const schedules = [schedule('db-prod', { last: 2, stores: { offsite: { monthly: 3 } } })];
    const result = await pruneWith({ schedules });
    expect(decisions(result)).toEqual([
      'local day-0 keep: last: 1 of 2',
      'local day-1 keep: last: 2 of 2',
      ...[2, 40, 41, 80].map((age) => `local day-${age} remove: no rule keeps it`),
      'offsite day-0 keep: monthly: newest of 2026-11',
      ...[1, 2].map((age) => `offsite day-${age} remove: no rule keeps it`),
      'offsite day-40 keep: monthly: newest of 2026-10',
      'offsite day-41 remove: no rule keeps it',
      'offsite day-80 keep: monthly: newest of 2026-09',
    ]);
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
    expect(await namesIn(offsite)).toEqual(objectsOf('day-0', 'day-40', 'day-80'));
    // Out of the catalog goes what lies nowhere any more.
    const onFile = await catalog.backups({ status: 'completed', limit: 9 });
    expect(onFile.map(({ id }) => id)).toEqual(['day-0', 'day-1', 'day-40', 'day-80']);
    expect(await pruneWith({ schedules })).toMatchObject({ removed: 0, problems: [] });
  });

  it('decides in each store as if there were no other, and leaves the newest good backup in every one', async () => {
    const rules = fc.record(
      { last: fc.nat(3), daily: fc.nat(3), weekly: fc.nat(2) },
      { requiredKeys: [], noNullPrototype: true },
    );
    const positive = rules.map((all) =>
      Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0)),
    );
    const copy = fc.record({
      age: fc.integer({ min: 0, max: 40 }),
      status: fc.constantFrom('good', 'damaged'),
    });
    const copies = fc.uniqueArray(copy, { selector: ({ age }) => age, maxLength: 8 });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(positive, positive, copies, copies, async (here, there, inLocal, inOffsite) => {
        const id = `run-${(runs += 1)}`;
        const listed = new Map<string, Map<string, number>>();
        for (const [store, all] of [
          ['local', inLocal],
          ['offsite', inOffsite],
        ] as const) {
          listed.set(store, new Map());
          for (const { age, status } of all) {
            const manifest = newManifest(`${id}-day-${age}`, { schedule: id, createdAt: now - age * day });
            await catalog.adoptBackup(manifest, { store, path: '/x', status });
            listed
              .get(store)
              ?.set(manifest.parts[0].name, 4096 + 3048)
              .set(manifestName(manifest), 1);
          }
        }
        const stores = [local, offsite].map((store) =>
          but(store, { list: () => listing(listed.get(store.id)) }),
        );
        const dryRun = async (keep: KeepConfig, ...of: Store[]): Promise<PruneResult> =>
          await prune({
            ...{ catalog, scope: 'schedules', now, signal, dryRun: true },
            stores: new Map(of.map((store) => [store.id, store])),
            schedules: [schedule(id, keep)],
          });
        const [first, second] = stores;
        if (first === undefined || second === undefined) throw new Error('there are two stores');
        const both = await dryRun({ ...here, stores: { offsite: there } }, ...stores);
        const apart = [...(await dryRun(here, first)).verdicts, ...(await dryRun(there, second)).verdicts];
        expect(both.verdicts).toEqual(apart);
        for (const [store, all] of [
          ['local', inLocal],
          ['offsite', inOffsite],
        ] as const) {
          const newest = Math.min(...all.filter(({ status }) => status === 'good').map(({ age }) => age));
          const verdict = both.verdicts.find(
            (each) => each.store === store && each.backupId === `${id}-day-${newest}`,
          );
          expect(verdict?.keep ?? true).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('leaves alone schedules without rules and those that the config does not know', async () => {
    for (const schedule of ['db-prod', 'kept', 'gone']) {
      await givenBackup(`${schedule}-1`, 1, [local], schedule);
      await givenBackup(`${schedule}-2`, 2, [local], schedule);
    }
    const result = await pruneWith({ schedules: [schedule('db-prod', { last: 1 }), schedule('kept')] });
    expect(decisions(result)).toEqual([
      'local db-prod-1 keep: last: 1 of 1',
      'local db-prod-2 remove: no rule keeps it',
      'local kept-1 keep: no keep rules: everything stays',
      'local kept-2 keep: no keep rules: everything stays',
    ]);
    expect(await namesIn(local)).toHaveLength(15);
  });

  it("counts days in the schedule's zone", async () => {
    // 00:30 and 23:30 of one day in Madrid lie on two days in UTC.
    await givenBackup('night', 0.5625);
    await givenBackup('dawn', 1.520833333333333);
    const removed = async (timezone: string): Promise<string[]> => {
      const schedules = [schedule('db-prod', { daily: 5 }, timezone)];
      const { verdicts } = await pruneWith({ schedules, dryRun: true });
      return verdicts.filter(({ keep }) => !keep).map(({ backupId }) => backupId);
    };
    expect(await removed('Europe/Madrid')).toEqual(['dawn']);
    expect(await removed('UTC')).toEqual([]);
  });

  it('removes a damaged backup once a newer good one exists, not before', async () => {
    await givenBackups([0, 1, 2]);
    for (const id of ['day-0', 'day-2']) {
      await catalog.recordVerification(id, 'local', {
        status: 'failed',
        at: now,
        error: 'payload does not open',
      });
    }
    expect(decisions(await pruneWith({ schedules: [schedule('db-prod', { last: 9 })] }))).toEqual([
      'local day-0 keep: not good, but no newer good backup exists',
      'local day-1 keep: last: 1 of 9',
      'local day-2 remove: not good, and a newer good backup exists',
    ]);
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
  });

  it('does not touch what others have put into the store', async () => {
    await givenBackups([0, 1, 2, 3]);
    const foreign = newManifest('foreign');
    for (const name of ['notes.json', 'db-prod/readme.txt', 'other/data.age']) {
      await local.put(name, bytesOf(new Uint8Array(9)), { signal });
    }
    await local.put(manifestName(foreign), bytesOf(encodeManifest(foreign)), { signal });
    await pruneWith();
    expect(await namesIn(local)).toEqual(
      [
        ...objectsOf('day-0', 'day-1'),
        'notes.json',
        'db-prod/readme.txt',
        'other/data.age',
        manifestName(foreign),
      ].sort(),
    );
  });

  it('looks at what its schedules have, or at all of a store, as it is told to', async () => {
    await givenBackups([0, 1, 2]);
    const other = newManifest('gone', { schedule: 'taken-out', createdAt: now });
    const stray: Manifest = {
      ...other,
      parts: [{ ...other.parts[0], name: 'taken-out/gone.pgdump.zst.age' }],
    };
    await local.put(manifestName(stray), bytesOf(encodeManifest(stray)), { signal });
    await catalog.adoptBackup(stray, { store: 'local', path: '/x', status: 'damaged' });
    await catalog.removeCopy('gone', 'local', 'no rule keeps it', now);

    const listed: string[] = [];
    const watched = new Proxy(local, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (property === 'list') listed.push(String(args[0]));
          return Reflect.apply(value as (...all: unknown[]) => unknown, target, args);
        };
      },
    });
    const stores = new Map([['local', watched]]);
    expect(await pruneWith({ stores })).toMatchObject({ removed: 1 });
    expect(listed).toEqual(['db-prod/']);
    expect(await namesIn(local)).toContain(manifestName(stray));
    expect(await pruneWith({ stores, scope: 'store' })).toMatchObject({ removed: 1, problems: [] });
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1').sort());
  });

  it('works through more backups than fit in a page', async () => {
    const ages = Array.from({ length: 1203 }, (_, index) => index);
    for (const age of ages) {
      const manifest = newManifest(`day-${age}`, { createdAt: now - age * day, payloadBytes: 4 });
      await catalog.adoptBackup(manifest, { store: 'local', path: '/x', status: 'damaged' });
    }
    await givenBackup('whole', -1);
    const result = await pruneWith();
    expect(result).toMatchObject({ removed: 1203, problems: [] });
    expect((await catalog.backups({ status: 'completed', limit: 5000 })).map(({ id }) => id)).toEqual([
      'whole',
    ]);
  }, 60_000);
});

describe('what the store does not show', () => {
  it.each<[string, () => void]>([
    ['a missing part', () => rmSync(local.locate('db-prod/day-0.globals.zst.age'))],
    ['a part that was cut short', () => truncateSync(local.locate('db-prod/day-0.pgdump.zst.age'), 199)],
    ['a missing manifest', () => rmSync(local.locate('db-prod/day-0.pgdump.zst.age.json'))],
  ])('counts for no rule: %s protects the older backups, and is reported', async (_, harm) => {
    await givenBackups([0, 1, 2, 3]);
    harm();
    const result = await pruneWith();
    expect(decisions(result)).toEqual([
      'local day-0 keep: on file as good, but not found whole in the store',
      'local day-1 keep: last: 1 of 2',
      'local day-2 keep: last: 2 of 2',
      'local day-3 remove: no rule keeps it',
    ]);
    expect(result.problems.map(({ store, error }) => [store, error.code, error.message])).toEqual([
      [
        'local',
        'store_missing_object',
        'one backup of db-prod on file as good in store local cannot be found whole there',
      ],
    ]);
    expect(await statusOf('day-0')).toBe('good');
  });

  it('is left alone in a store that is not mounted, while the others are pruned', async () => {
    await givenBackups([0, 1, 2, 3], [local, offsite]);
    renameSync(join(work, 'offsite'), join(work, 'unmounted'));
    const result = await pruneWith();
    expect(result.removed).toBe(2);
    expect(result.problems.map(({ store, error }) => [store, error.message])).toEqual([
      ['offsite', '4 backups of db-prod on file as good in store offsite cannot be found whole there'],
    ]);
    renameSync(join(work, 'unmounted'), join(work, 'offsite'));
    expect(await namesIn(offsite)).toHaveLength(12);
    expect(await pruneWith()).toMatchObject({ removed: 2, problems: [] });
  });

  it('is left alone in a store that cannot be listed', async () => {
    await givenBackups([0, 1, 2]);
    rmSync(join(work, 'offsite'), { force: true, recursive: true });
    writeFileSync(join(work, 'offsite'), 'not a folder');
    await givenBackup('elsewhere', 1, [local]);
    await catalog.adoptBackup(newManifest('lost'), { store: 'offsite', path: '/x', status: 'good' });
    const result = await pruneWith();
    expect(result.removed).toBe(2);
    expect(result.problems.map(({ store }) => store)).toEqual(['offsite']);
  });
});

/** The store with some methods of its own. */
function but(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, property) => {
      const own: unknown = Reflect.get(methods, property);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function deletingBy(remove: (name: string) => Promise<void>): Store {
  return but(local, { delete: remove });
}

describe('a prune that is cut off', () => {
  const steps = [1, 2, 3, 4, 5, 6].flatMap((deletion) =>
    (['before', 'after'] as const).map((moment): [number, 'before' | 'after'] => [deletion, moment]),
  );

  async function cutOff(deletion: number, moment: 'before' | 'after'): Promise<void> {
    await givenBackups([0, 1, 2, 3]);
    let deletions = 0;
    const dying = deletingBy(async (name) => {
      deletions += 1;
      if (deletions < deletion || moment === 'after') await local.delete(name);
      if (deletions === deletion) throw new LowtideError('store_unavailable', 'gone');
    });
    const result = await pruneWith({ stores: new Map([['local', dying]]) });
    expect(deletions).toBe(deletion);
    expect(result.problems.map(({ error }) => error.message)).toEqual(['gone']);
  }

  it.each(steps)(
    'at deletion %i, %s it, leaves no torn backup on file and is finished by the next',
    async (deletion, moment) => {
      await cutOff(deletion, moment);
      const names = new Set(await namesIn(local));
      for (const { id, copies, manifest } of await catalog.backups({ limit: 9 })) {
        const left = objectsOf(id).filter((name) => names.has(name));
        if (copies[0]?.status === 'good') expect(left).toHaveLength(3);
        // As long as anything is left of a backup, its manifest is.
        else if (left.length > 0) expect(left).toContain(manifestName(storedManifest(manifest)));
      }
      const next = await pruneWith();
      expect(next.problems).toEqual([]);
      expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
      expect(await Promise.all(['day-0', 'day-1', 'day-2', 'day-3'].map((id) => statusOf(id)))).toEqual([
        'good',
        'good',
        'pruned',
        'pruned',
      ]);
      expect(await pruneWith()).toMatchObject({ removed: 0, problems: [] });
    },
  );

  it.each(steps)(
    'at deletion %i, %s it, is finished also after the catalog was lost and rebuilt',
    async (deletion, moment) => {
      await cutOff(deletion, moment);
      await catalog[Symbol.asyncDispose]();
      rmSync(join(work, 'state'), { recursive: true });
      catalog = openSqliteCatalog(join(work, 'state'));
      await rebuildCatalog(catalog, new Map([['local', local]]), { signal });
      await pruneWith();
      expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
      expect((await catalog.backups({ status: 'completed', limit: 9 })).map(({ id }) => id)).toEqual([
        'day-0',
        'day-1',
      ]);
    },
  );

  it('marks no further copy in a store that refuses', async () => {
    await cutOff(1, 'before');
    expect(await Promise.all(['day-2', 'day-3'].map((id) => statusOf(id)))).toEqual(['pruned', 'good']);
  });

  it('stops between two copies when it is told to', async () => {
    await givenBackups([0, 1, 2, 3]);
    const controller = new AbortController();
    const stopping = deletingBy(async (name) => {
      controller.abort(new Error('stop'));
      await local.delete(name);
    });
    await expect(
      pruneWith({ stores: new Map([['local', stopping]]), signal: controller.signal }),
    ).rejects.toThrow('stop');
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1', 'day-3'));
    expect(await Promise.all(['day-2', 'day-3'].map((id) => statusOf(id)))).toEqual(['pruned', 'good']);
  });

  it('leaves a copy pruned in one store only to be finished there', async () => {
    await givenBackups([0, 1, 2], [local, offsite]);
    await catalog.removeCopy('day-2', 'local', 'no rule keeps it', now);
    await pruneWith({ schedules: [schedule('db-prod', { last: 3 })] });
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
    expect(await namesIn(offsite)).toEqual(objectsOf('day-0', 'day-1', 'day-2'));
  });
});

describe('what somebody has locked', () => {
  const until = now + day;
  const lock = { by: 'a lock until tomorrow', until };

  it('is left as it is, told with its end, and tried again: in a dry run as well', async () => {
    await givenBackups([0, 1, 2, 3]);
    let locks = true;
    const held = but(local, {
      lockOn: (names) =>
        Promise.resolve(locks && names.some((name) => name.includes('day-2.globals')) ? lock : undefined),
    });
    const stores = new Map([['local', held]]);
    const dry = await pruneWith({ stores, dryRun: true });
    expect(dry.verdicts.slice(2)).toMatchObject([
      {
        backupId: 'day-2',
        keep: true,
        locked: lock,
        reasons: ['no rule keeps it', 'protected by a lock until tomorrow'],
      },
      { backupId: 'day-3', keep: false },
    ]);
    expect(await pruneWith({ stores })).toMatchObject({ verdicts: dry.verdicts, removed: 1, problems: [] });
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1', 'day-2'));
    expect(await statusOf('day-2')).toBe('good');
    locks = false;
    expect(await pruneWith({ stores })).toMatchObject({ removed: 1, problems: [] });
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1'));
  });

  it('stays also where only the deletion is told so, keeps no other from going, and goes later', async () => {
    await givenBackups([0, 1, 2, 3]);
    const refusing = but(local, {
      async delete(name) {
        if (name.includes('day-2')) throw new LowtideError('store_locked', 'cannot delete it: immutable');
        await local.delete(name);
      },
    });
    const stores = new Map([['local', refusing]]);
    for (const removed of [1, 0]) {
      const result = await pruneWith({ stores });
      expect(result).toMatchObject({ removed, problems: [] });
      expect(result.verdicts.filter(({ locked }) => locked !== undefined)).toMatchObject([
        { backupId: 'day-2', keep: true, locked: { by: 'its store: cannot delete it: immutable' } },
      ]);
    }
    expect(await namesIn(local)).toEqual(objectsOf('day-0', 'day-1', 'day-2'));
    expect(await pruneWith()).toMatchObject({ removed: 1, problems: [] });
  });

  it('is not known of a store that does not answer: nothing goes from there', async () => {
    await givenBackups([0, 1, 2, 3]);
    const silent = but(local, {
      lockOn: () => Promise.reject(new LowtideError('store_unavailable', 'gone')),
    });
    const result = await pruneWith({ stores: new Map([['local', silent]]) });
    expect(result).toMatchObject({ removed: 0, problems: [{ store: 'local' }] });
    expect(await statusOf('day-2')).toBe('good');
  });
});
