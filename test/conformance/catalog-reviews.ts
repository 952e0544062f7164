import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../exporter/src/catalog/catalog.ts';
import type { NewReview } from '../../exporter/src/catalog/reviews.ts';
import type { EventBody } from '../../exporter/src/events/events.ts';
import { complete, refuses, type Given } from './catalog-given.ts';
import { newRun, noon, runEnd } from './catalog-samples.ts';

const use = { cpu: 0.25, memory: 0.0625 };
const tooLong = { figure: 'duration', value: 600, low: 20, high: 90 } as const;
const provisional: NewReview = {
  unusual: [tooLong],
  load: { load: 0.5, metPeak: true, best: { start: noon - 5, load: 0.375 } },
  isFinal: false,
};
const final: NewReview = {
  unusual: [tooLong, { figure: 'size', value: 0, low: 10, high: 30 }],
  load: {
    load: 0.5,
    metPeak: true,
    best: { start: noon + 9, load: 0.25 },
    fixed: { start: noon + 7, load: 0.75, metPeak: false },
  },
  isFinal: true,
};

const bodies = (catalog: Catalog, from: number): EventBody[] =>
  catalog.eventsAfter(from, 100).map(({ body }) => body);

/** What a catalog keeps of runs that are over. */
export function catalogReviews(given: Given): void {
  describe('reviews of runs', () => {
    it('are open for what has completed, and for nothing else', () => {
      const { catalog } = given;
      expect(catalog.reviews.open(10)).toEqual([]);
      complete(catalog, 'b1');
      const failing = newRun('failing');
      catalog.startRun(failing);
      catalog.finishRun('failing', runEnd(failing, { status: 'failed' }));
      catalog.startRun(newRun('going-on'));
      expect(catalog.reviews.open(10)).toEqual([catalog.run('run-of-b1')]);
      expect(catalog.reviews.open(0)).toEqual([]);
      expect(catalog.reviews.of(['run-of-b1', 'failing', 'none'])).toEqual(new Map());
      for (const id of ['failing', 'going-on', 'none']) {
        catalog.reviews.recordUse(id, use);
        refuses('not_found', () => catalog.reviews.record(id, final, noon));
      }
    });

    it('are written again until they are final', () => {
      const { catalog } = given;
      complete(catalog, 'b1');
      const id = 'run-of-b1';
      catalog.reviews.recordUse(id, use);
      expect(catalog.reviews.of([id]).get(id)).toEqual({ unusual: [], use, isFinal: false });
      catalog.reviews.record(id, provisional, noon);
      expect(catalog.reviews.of([id]).get(id)).toEqual({ ...provisional, use });
      expect(catalog.reviews.open(10)).toHaveLength(1);
      catalog.reviews.record(id, final, noon);
      expect(catalog.reviews.open(10)).toEqual([]);
      using other = given.open();
      expect(other.reviews.of([id]).get(id)).toEqual({ ...final, use });
      refuses('run_ended', () => other.reviews.record(id, provisional, noon));
    });

    it('tell once what is unusual, and once what came of the choice', () => {
      const { catalog } = given;
      complete(catalog, 'b1');
      const from = catalog.latestSequence();
      const run = { runId: 'run-of-b1', schedule: 'db-prod' };
      catalog.reviews.record('run-of-b1', provisional, noon);
      catalog.reviews.record('run-of-b1', provisional, noon);
      catalog.reviews.record('run-of-b1', final, noon);
      expect(bodies(catalog, from)).toEqual([
        { name: 'run:unusual', ...run, ...tooLong },
        { name: 'run:unusual', ...run, figure: 'size', value: 0, low: 10, high: 30 },
        {
          name: 'run:reviewed',
          ...run,
          load: 0.5,
          bestLoad: 0.25,
          fixedLoad: 0.75,
          metPeak: true,
          fixedMetPeak: false,
        },
      ]);
    });

    it('may say that nothing was found out', () => {
      const { catalog } = given;
      complete(catalog, 'b1');
      catalog.reviews.record('run-of-b1', { unusual: [], isFinal: true }, noon);
      expect(catalog.reviews.open(10)).toEqual([]);
      expect(catalog.reviews.latest()).toEqual({});
      expect(bodies(catalog, 0).at(-1)).toEqual({
        name: 'run:reviewed',
        runId: 'run-of-b1',
        schedule: 'db-prod',
      });
    });

    it('give what the last run of each schedule met, whenever it was found out', () => {
      const { catalog } = given;
      complete(catalog, 'b1');
      complete(catalog, 'b2');
      complete(catalog, 'b3', { schedule: '__proto__' });
      catalog.reviews.record('run-of-b2', provisional, noon);
      catalog.reviews.record('run-of-b1', final, noon);
      expect(catalog.reviews.latest()).toEqual({ 'db-prod': { load: 0.5, best: 0.375 } });
      catalog.reviews.record('run-of-b2', final, noon);
      catalog.reviews.record('run-of-b3', { ...final, load: { load: 1, metPeak: true } }, noon);
      expect(Object.entries(catalog.reviews.latest())).toEqual([
        ['__proto__', { load: 1 }],
        ['db-prod', { load: 0.5, best: 0.25, fixed: 0.75 }],
      ]);
    });

    it('know what the latest runs of a schedule took', () => {
      const { catalog } = given;
      for (const id of ['b1', 'b2', 'b3', 'b4']) complete(catalog, id);
      complete(catalog, 'of-another', { schedule: 'files' });
      for (const [index, id] of ['b1', 'b2', 'b4', 'of-another'].entries()) {
        catalog.reviews.recordUse(`run-of-${id}`, { cpu: index / 4, memory: 0 });
      }
      expect(catalog.reviews.uses('db-prod', 2).map(({ cpu }) => cpu)).toEqual([0.5, 0.25]);
      expect(catalog.reviews.uses('none', 2)).toEqual([]);
    });
  });
}
