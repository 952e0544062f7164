import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import { catalogAccess } from './catalog-access.ts';
import { catalogBackground } from './catalog-background.ts';
import { catalogBackups } from './catalog-backups.ts';
import { catalogCopies } from './catalog-copies.ts';
import { catalogDrills } from './catalog-drills.ts';
import { catalogLoad } from './catalog-load.ts';
import { catalogReviews } from './catalog-reviews.ts';
import { complete, refuses, snapshot, type Given } from './catalog-given.ts';
import { catalogRunLogs } from './catalog-run-logs.ts';
import { catalogRuns } from './catalog-runs.ts';
import { newManifest, newRun, noon, runEnd } from './catalog-samples.ts';
import { catalogLaws } from './catalog-laws.ts';
import { catalogProofs } from './catalog-proofs.ts';
import { catalogRotations } from './catalog-rotations.ts';
import { catalogSnapshots } from './catalog-snapshots.ts';

/** One installation's state, empty at first, and gone once disposed. */
export interface CatalogState extends AsyncDisposable {
  /** Opens the catalog as one more owner: what another process would do. */
  open(): Catalog | Promise<Catalog>;
}

/** What every catalog does, whatever it is made of. */
export function catalogConformance(name: string, makeState: () => Promise<CatalogState>): void {
  describe(`the catalog on ${name}`, () => {
    let state: CatalogState;
    let catalog: Catalog;
    beforeEach(async () => {
      state = await makeState();
      catalog = await state.open();
    });
    afterEach(async () => {
      await catalog[Symbol.asyncDispose]();
      await state[Symbol.asyncDispose]();
    });

    const given: Given = {
      get catalog() {
        return catalog;
      },
      open: async () => await state.open(),
    };
    catalogRuns(given);
    catalogBackups(given);
    catalogRotations(given);
    catalogAccess(given);
    catalogLoad(given);
    catalogReviews(given);
    catalogRunLogs(given);
    catalogBackground(given);
    catalogProofs(given);
    catalogSnapshots(given);
    catalogDrills(given);
    catalogCopies(given);

    it('keeps whether a schedule is paused, known or not', async () => {
      expect(await catalog.schedule('db-prod')).toEqual({ paused: false });
      await catalog.setPaused('db-prod', true);
      await complete(catalog, 'b1');
      expect(await catalog.schedule('db-prod')).toEqual({ paused: true });
      await catalog.setPaused('db-prod', false);
      expect(await catalog.schedule('db-prod')).toEqual({ paused: false });
      expect((await catalog.totals()).lastSuccessBySchedule).toEqual({ 'db-prod': noon + 60_000 });
    });

    it('settles as it is told, and where asked only further than it is', async () => {
      const settled = async (): Promise<number | undefined> => (await catalog.schedule('files')).settledUntil;
      await catalog.settleUpTo('files', noon);
      expect(await settled()).toBe(noon);
      await catalog.settleUpTo('files', noon - 1);
      await catalog.recordMissed('files', { dueAt: noon - 2, occurrences: 1 }, noon);
      expect(await settled()).toBe(noon);
      await catalog.recordMissed('files', { dueAt: noon + 1, occurrences: 1 }, noon);
      expect(await settled()).toBe(noon + 1);
      await catalog.settle('files', noon);
      expect(await settled()).toBe(noon);
      await catalog.setPaused('docs', true);
      await catalog.settleUpTo('docs', noon);
      expect(await catalog.schedule('docs')).toEqual({ paused: true, settledUntil: noon });
      await complete(catalog, 'b1');
      const all = await catalog.schedules();
      expect([...all.keys()].sort()).toEqual(['db-prod', 'docs', 'files']);
      for (const [id, state] of all) expect(state).toEqual(await catalog.schedule(id));
    });

    it('numbers events without a gap, also past a transaction that failed, and gives them out in order', async () => {
      await catalog.append({ name: 'error', errorType: 'store' }, noon);
      await catalog.startRun(newRun('r1'));
      await refuses('run_active', () => catalog.startRun(newRun('r2')));
      const missed = { name: 'run:missed', schedule: 'db-prod', dueAt: noon, occurrences: 1 } as const;
      expect(await catalog.append(missed, noon - 1)).toEqual({ sequence: 3, at: noon - 1, body: missed });
      const sequences = async (after: number, limit: number): Promise<number[]> =>
        (await catalog.eventsAfter(after, limit)).map((event) => event.sequence);
      expect(await sequences(0, 10)).toEqual([1, 2, 3]);
      expect(await catalog.latestSequence()).toBe(3);
      expect(await sequences(1, 1)).toEqual([2]);
      expect(await sequences(3, 10)).toEqual([]);
      await refuses('usage', () => sequences(0, -1));
    });

    it('judges the success rate by the last 100 runs that ended by themselves', async () => {
      expect((await catalog.totals()).successRateByType).toEqual({});
      const end = async (
        index: number,
        status: 'completed' | 'failed' | 'cancelled' | 'interrupted',
      ): Promise<void> => {
        const run = newRun(`r${index}`, { startedAt: noon - index * 60_000 });
        await catalog.startRun(run);
        await catalog.finishRun(run.id, runEnd(run, { status }));
      };
      await end(0, 'cancelled');
      expect((await catalog.totals()).successRateByType).toEqual({});
      for (let index = 1; index <= 50; index += 1) await end(index, 'failed');
      for (let index = 51; index <= 140; index += 1) await end(index, 'completed');
      expect((await catalog.totals()).successRateByType).toEqual({ database: 0.9 });
      await end(141, 'interrupted');
      await end(142, 'cancelled');
      expect((await catalog.totals()).successRateByType).toEqual({ database: 0.9 });
      await end(143, 'completed');
      expect((await catalog.totals()).successRateByType).toEqual({ database: 0.91 });
    });

    it('takes the last success as it ended, so that a clock once ahead does not hide later silence', async () => {
      const future = newRun('r1', { startedAt: noon + 1e12 });
      await catalog.startRun(future);
      await catalog.finishRun('r1', runEnd(future));
      await complete(catalog, 'b1');
      expect((await catalog.totals()).lastSuccessBySchedule).toEqual({ 'db-prod': noon + 60_000 });
    });

    it('shows one owner at once what another has written', async () => {
      await using other = await state.open();
      await complete(catalog, 'b1');
      expect(await other.backup('b1')).toEqual(await catalog.backup('b1'));
      await other.setPaused('db-prod', true);
      expect((await catalog.schedule('db-prod')).paused).toBe(true);
      expect(await other.totals()).toEqual(await catalog.totals());
    });

    it('takes what several owners in one process write at the same time', async () => {
      await using other = await state.open();
      const append = (to: Catalog, at: number): Promise<unknown> =>
        to.append({ name: 'error', errorType: 'store' }, at);
      const both = Array.from({ length: 20 }, (_, at) => [append(catalog, at), append(other, at)]);
      await Promise.all([...both.flat(), other.totals(), catalog.schedule('db-prod')]);
      expect((await catalog.eventsAfter(0, 100)).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 40 }, (_, index) => index + 1),
      );
    });

    it('still knows everything once it is opened again', async () => {
      await complete(catalog, 'b1');
      await catalog.setPaused('files', true);
      const everything = await snapshot(catalog);
      await catalog[Symbol.asyncDispose]();
      catalog = await state.open();
      expect(await snapshot(catalog)).toEqual(everything);
    });

    it('keeps text of any language, sizes beyond 32 bits, and empty texts', async () => {
      const run = newRun('läuft-夜', { schedule: '', startedAt: 0 });
      await catalog.startRun(run);
      const manifest = newManifest('b1', { schedule: '', payloadBytes: 2 ** 52 });
      await catalog.finishRun(
        run.id,
        runEnd(run, { manifest, warnings: ['日本語\u0000', '', "'; DROP TABLE runs"] }),
      );
      expect((await catalog.run('läuft-夜'))?.warnings).toEqual(['日本語\u0000', '', "'; DROP TABLE runs"]);
      expect((await catalog.backup('b1'))?.storedBytes).toBe(2 ** 52 + 4096);
      expect((await catalog.totals()).bytesByStore).toEqual({ local: 2 ** 52 + 4096 });
    });

    it('finds nothing wrong with itself', async () => {
      expect(await catalog.check()).toEqual([]);
    });

    it('can be closed twice', async () => {
      await catalog[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
    });

    catalogLaws(makeState);
  });
}
