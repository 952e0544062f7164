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
export interface CatalogState extends Disposable {
  /** Opens the catalog as one more owner: what another process would do. */
  open(): Catalog;
}

/** What every catalog does, whatever it is made of. */
export function catalogConformance(name: string, makeState: () => CatalogState): void {
  describe(`the catalog on ${name}`, () => {
    let state: CatalogState;
    let catalog: Catalog;
    beforeEach(() => {
      state = makeState();
      catalog = state.open();
    });
    afterEach(() => {
      catalog[Symbol.dispose]();
      state[Symbol.dispose]();
    });

    const given: Given = {
      get catalog() {
        return catalog;
      },
      open: () => state.open(),
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

    it('keeps whether a schedule is paused, known or not', () => {
      expect(catalog.schedule('db-prod')).toEqual({ paused: false });
      catalog.setPaused('db-prod', true);
      complete(catalog, 'b1');
      expect(catalog.schedule('db-prod')).toEqual({ paused: true });
      catalog.setPaused('db-prod', false);
      expect(catalog.schedule('db-prod')).toEqual({ paused: false });
      expect(catalog.totals().lastSuccessBySchedule).toEqual({ 'db-prod': noon + 60_000 });
    });

    it('numbers events without a gap, also past a transaction that failed, and gives them out in order', () => {
      catalog.append({ name: 'error', errorType: 'store' }, noon);
      catalog.startRun(newRun('r1'));
      refuses('run_active', () => catalog.startRun(newRun('r2')));
      const missed = { name: 'run:missed', schedule: 'db-prod', dueAt: noon, occurrences: 1 } as const;
      expect(catalog.append(missed, noon - 1)).toEqual({ sequence: 3, at: noon - 1, body: missed });
      const sequences = (after: number, limit: number): number[] =>
        catalog.eventsAfter(after, limit).map((event) => event.sequence);
      expect(sequences(0, 10)).toEqual([1, 2, 3]);
      expect(catalog.latestSequence()).toBe(3);
      expect(sequences(1, 1)).toEqual([2]);
      expect(sequences(3, 10)).toEqual([]);
      refuses('usage', () => sequences(0, -1));
    });

    it('judges the success rate by the last 100 runs that ended by themselves', () => {
      expect(catalog.totals().successRateByType).toEqual({});
      const end = (index: number, status: 'completed' | 'failed' | 'cancelled' | 'interrupted'): void => {
        const run = newRun(`r${index}`, { startedAt: noon - index * 60_000 });
        catalog.startRun(run);
        catalog.finishRun(run.id, runEnd(run, { status }));
      };
      end(0, 'cancelled');
      expect(catalog.totals().successRateByType).toEqual({});
      for (let index = 1; index <= 50; index += 1) end(index, 'failed');
      for (let index = 51; index <= 140; index += 1) end(index, 'completed');
      expect(catalog.totals().successRateByType).toEqual({ database: 0.9 });
      end(141, 'interrupted');
      end(142, 'cancelled');
      expect(catalog.totals().successRateByType).toEqual({ database: 0.9 });
      end(143, 'completed');
      expect(catalog.totals().successRateByType).toEqual({ database: 0.91 });
    });

    it('takes the last success as it ended, so that a clock once ahead does not hide later silence', () => {
      const future = newRun('r1', { startedAt: noon + 1e12 });
      catalog.startRun(future);
      catalog.finishRun('r1', runEnd(future));
      complete(catalog, 'b1');
      expect(catalog.totals().lastSuccessBySchedule).toEqual({ 'db-prod': noon + 60_000 });
    });

    it('shows one owner at once what another has written', () => {
      using other = state.open();
      complete(catalog, 'b1');
      expect(other.backup('b1')).toEqual(catalog.backup('b1'));
      other.setPaused('db-prod', true);
      expect(catalog.schedule('db-prod').paused).toBe(true);
      expect(other.totals()).toEqual(catalog.totals());
    });

    it('still knows everything once it is opened again', () => {
      complete(catalog, 'b1');
      catalog.setPaused('files', true);
      const everything = snapshot(catalog);
      catalog[Symbol.dispose]();
      catalog = state.open();
      expect(snapshot(catalog)).toEqual(everything);
    });

    it('keeps text of any language, sizes beyond 32 bits, and empty texts', () => {
      const run = newRun('läuft-夜', { schedule: '', startedAt: 0 });
      catalog.startRun(run);
      const manifest = newManifest('b1', { schedule: '', payloadBytes: 2 ** 52 });
      catalog.finishRun(
        run.id,
        runEnd(run, { manifest, warnings: ['日本語\u0000', '', "'; DROP TABLE runs"] }),
      );
      expect(catalog.run('läuft-夜')?.warnings).toEqual(['日本語\u0000', '', "'; DROP TABLE runs"]);
      expect(catalog.backup('b1')?.storedBytes).toBe(2 ** 52 + 4096);
      expect(catalog.totals().bytesByStore).toEqual({ local: 2 ** 52 + 4096 });
    });

    it('finds nothing wrong with itself', () => {
      expect(catalog.check()).toEqual([]);
    });

    it('can be closed twice', () => {
      catalog[Symbol.dispose]();
      catalog[Symbol.dispose]();
    });

    catalogLaws(makeState);
  });
}
