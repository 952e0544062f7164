import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Backup, Catalog, CatalogTotals, Run } from '../../exporter/src/catalog/catalog.ts';
import type { Manifest } from '../../exporter/src/store/manifest.ts';
import type { CatalogState } from './catalog.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';

/**
 * Laws of the totals: after any history they equal what a recount of every run and backup gives. The recount reads the
 * lists, knows no summary, and takes the last success from the history itself.
 */
const schedules = ['db-prod', 'files', 'dump'] as const;
const types = { 'db-prod': 'database', files: 'files', dump: 'command' } as const;
const keys = ['key-a', 'key-b'];
const stores = ['local', 'offsite'];
const runStatuses = ['completed', 'failed', 'cancelled', 'interrupted'] as const;

type Schedule = (typeof schedules)[number];

const schedule = fc.constantFrom(...schedules);
const store = fc.constantFrom(...stores);
const key = fc.constantFrom(...keys);
/** Chooses among what there is at that point. */
const pick = fc.nat({ max: 1000 });
const bytes = fc.nat(9999);
const at = fc.integer({ min: noon - 999, max: noon + 999 });

const step = fc.oneof(
  fc.record({ do: fc.constant('start' as const), schedule }),
  fc.record({
    do: fc.constant('finish' as const),
    schedule,
    status: fc.constantFrom(...runStatuses),
    key,
    bytes,
    at,
  }),
  fc.record({ do: fc.constant('find' as const), schedule, store, key, bytes, at, good: fc.boolean() }),
  fc.record({ do: fc.constant('find again' as const), pick, store, key, bytes, good: fc.boolean() }),
  fc.record({
    do: fc.constant('verify' as const),
    pick,
    copy: pick,
    status: fc.constantFrom('passed' as const, 'failed' as const),
  }),
  fc.record({ do: fc.constant('remove' as const), pick, copy: pick }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What was done to a catalog so far. */
class History {
  readonly lastSuccess = new Map<string, number>();
  readonly #catalog: Catalog;
  readonly #running = new Map<Schedule, Run>();
  readonly #backups: { readonly id: string; readonly schedule: Schedule; readonly at: number }[] = [];
  #count = 0;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case 'start': {
        await this.#start(next.schedule);
        return;
      }
      case 'finish': {
        await this.#finish(next);
        return;
      }
      case 'find':
        this.#count += 1;
        {
          await this.#adopt({ id: `found-${this.#count}`, schedule: next.schedule, at: next.at }, next);
          return;
        }
      case 'find again': {
        const known = this.#backups[next.pick % this.#backups.length];
        if (known !== undefined) await this.#adopt(known, next);
        return;
      }
      case 'verify': {
        await this.#withCopy(
          next,
          async (id, where) =>
            await this.#catalog.recordVerification(id, where, { status: next.status, at: noon }),
        );
        return;
      }
      case 'remove': {
        await this.#withCopy(
          next,
          async (id, where) => await this.#catalog.removeCopy(id, where, 'expired', noon),
        );
        return;
      }
    }
  }

  async #start(of: Schedule): Promise<void> {
    if (this.#running.has(of)) return;
    this.#count += 1;
    this.#running.set(
      of,
      await this.#catalog.startRun(newRun(`run-${this.#count}`, { schedule: of, type: types[of] })),
    );
  }

  async #finish(next: Step & { readonly do: 'finish' }): Promise<void> {
    const { schedule: of, status, at: finishedAt } = next;
    const run = this.#running.get(of);
    if (run === undefined) return;
    this.#running.delete(of);
    if (status !== 'completed') {
      await this.#catalog.finishRun(run.id, runEnd(run, { status, finishedAt }));
      return;
    }
    const backup = { id: `b-${run.id}`, schedule: of, at: finishedAt };
    await this.#catalog.finishRun(run.id, runEnd(run, { finishedAt, manifest: manifestOf(backup, next) }));
    this.#backups.push(backup);
    this.lastSuccess.set(of, finishedAt);
  }

  async #adopt(
    backup: { readonly id: string; readonly schedule: Schedule; readonly at: number },
    as: { readonly store: string; readonly key: string; readonly bytes: number; readonly good: boolean },
  ): Promise<void> {
    await this.#catalog.adoptBackup(manifestOf(backup, as), {
      store: as.store,
      path: `/${as.store}/${backup.id}`,
      status: as.good ? 'good' : 'damaged',
    });
    if (!this.#backups.some((known) => known.id === backup.id)) this.#backups.push(backup);
    const last = this.lastSuccess.get(backup.schedule) ?? 0;
    this.lastSuccess.set(backup.schedule, Math.max(backup.at, last));
  }

  async #withCopy(
    next: { readonly pick: number; readonly copy: number },
    act: (id: string, store: string) => Promise<void>,
  ): Promise<void> {
    const known = this.#backups[next.pick % this.#backups.length];
    const copies = known === undefined ? [] : ((await this.#catalog.backup(known.id))?.copies ?? []);
    const copy = copies[next.copy % copies.length];
    if (known !== undefined && copy !== undefined) await act(known.id, copy.store);
  }
}

function manifestOf(
  backup: { readonly id: string; readonly schedule: Schedule; readonly at: number },
  sealing: { readonly key: string; readonly bytes: number },
): Manifest {
  return newManifest(backup.id, {
    schedule: backup.schedule,
    type: types[backup.schedule],
    createdAt: backup.at,
    keyId: sealing.key,
    payloadBytes: sealing.bytes,
  });
}

async function recount(catalog: Catalog, history: History): Promise<CatalogTotals> {
  const backups = await catalog.backups({ limit: 10_000 });
  const runs = await catalog.runs({ limit: 10_000 });
  const sum = (of: (add: (name: string, amount: number) => void) => void): Record<string, number> => {
    const sums: Record<string, number> = {};
    of((name, amount) => {
      sums[name] = (sums[name] ?? 0) + amount;
    });
    return sums;
  };
  const completed = backups.filter((backup) => backup.status === 'completed');
  const events = await catalog.eventsAfter(0, 10_000);
  return {
    bytesByStore: sum((add) =>
      backups.forEach((backup) =>
        backup.copies.forEach((copy) => add(copy.store, copy.status === 'good' ? backup.storedBytes : 0)),
      ),
    ),
    bytesByType: sum((add) =>
      backups.forEach((backup) =>
        add(backup.type, backup.copies.some((copy) => copy.status === 'good') ? backup.storedBytes : 0),
      ),
    ),
    successRateByType: Object.fromEntries(
      Object.values(types).flatMap((type) => {
        const ends = events
          .map((event) => event.body)
          .filter((body) => body.name === 'run:finished' && body.type === type && body.status !== 'cancelled')
          .slice(-100);
        const good = ends.filter((body) => 'status' in body && body.status === 'completed').length;
        return ends.length === 0 ? [] : [[type, good / ends.length]];
      }),
    ),
    lastSuccessBySchedule: Object.fromEntries(history.lastSuccess),
    runningBySchedule: sum((add) => runs.forEach((run) => run.status === 'running' && add(run.schedule, 1))),
    backupsByKey: sum((add) => completed.forEach((backup) => keysOf(backup).forEach((key) => add(key, 1)))),
    bytesByKey: sum((add) =>
      completed.forEach((backup) => keysOf(backup).forEach((key) => add(key, backup.storedBytes))),
    ),
    copiesByKey: sum((add) =>
      completed.forEach((backup) =>
        backup.copies
          .filter(({ status }) => status === 'good' || status === 'damaged')
          .forEach(({ manifest }) => add(manifest?.keyId ?? backup.keyId, 1)),
      ),
    ),
  };
}

/** The backups of each key as the lists have them, newest first. */
async function listedByKey(catalog: Catalog, keyId: string): Promise<readonly string[]> {
  const listed: string[] = [];
  for (;;) {
    const after = listed.at(-1);
    const page = await catalog.backups({
      keyId,
      status: 'completed',
      limit: 3,
      ...(after !== undefined && { after }),
    });
    listed.push(...page.map(({ id }) => id));
    if (page.length < 3) return listed;
  }
}

/** Those that its copies are sealed to. */
function keysOf({ keyId, copies }: Backup): ReadonlySet<string> {
  return new Set([
    keyId,
    ...copies.flatMap(({ manifest }) => (manifest === undefined ? [] : [manifest.keyId])),
  ]);
}

/** A key whose backups are all gone stays listed with 0; the recount no longer meets it. */
function withoutZeroKeys(totals: CatalogTotals): CatalogTotals {
  const counted = (record: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.entries(record).filter(([key]) => (totals.backupsByKey[key] ?? 0) !== 0));
  return {
    ...totals,
    backupsByKey: counted(totals.backupsByKey),
    bytesByKey: counted(totals.bytesByKey),
    copiesByKey: counted(totals.copiesByKey),
  };
}

/** `makeState` gives an empty one each time; it goes when disposed. */
export function catalogLaws(makeState: () => Promise<CatalogState>): void {
  it('has totals that equal a naive recount after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        await using state = await makeState();
        await using catalog = await state.open();
        const history = new History(catalog);
        for (const next of steps) {
          await history.take(next);
          expect(withoutZeroKeys(await catalog.totals())).toEqual(await recount(catalog, history));
        }
        const completed = await catalog.backups({ status: 'completed', limit: 10_000 });
        for (const keyId of keys) {
          const ofKey = completed.filter((backup) => keysOf(backup).has(keyId));
          expect(await listedByKey(catalog, keyId)).toEqual(ofKey.map(({ id }) => id));
        }
      }),
      { numRuns: 40 },
    );
  });
}
