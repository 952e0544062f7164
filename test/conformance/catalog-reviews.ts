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

const bodies = async (catalog: Catalog, from: number): Promise<EventBody[]> =>
  (await catalog.eventsAfter(from, 100)).map(({ body }) => body);

/** What a catalog keeps of runs that are over. */
export function catalogReviews(given: Given): void {
  describe('reviews of runs', () => {
    it('are open for what has completed, and for nothing else', async () => {
      const { catalog } = given;
      expect(await catalog.reviews.open(10)).toEqual([]);
      await complete(catalog, 'b1');
      const failing = newRun('failing');
      await catalog.startRun(failing);
      await catalog.finishRun('failing', runEnd(failing, { status: 'failed' }));
      await catalog.startRun(newRun('going-on'));
      expect(await catalog.reviews.open(10)).toEqual([await catalog.run('run-of-b1')]);
      expect(await catalog.reviews.open(0)).toEqual([]);
      expect(await catalog.reviews.of(['run-of-b1', 'failing', 'none'])).toEqual(new Map());
      for (const id of ['failing', 'going-on', 'none']) {
        await catalog.reviews.recordUse(id, use);
        await refuses('not_found', () => catalog.reviews.record(id, final, noon));
      }
    });

    it('are written again until they are final', async () => {
      const { catalog } = given;
      await complete(catalog, 'b1');
      const id = 'run-of-b1';
      await catalog.reviews.recordUse(id, use);
      expect((await catalog.reviews.of([id])).get(id)).toEqual({ unusual: [], use, isFinal: false });
      await catalog.reviews.record(id, provisional, noon);
      expect((await catalog.reviews.of([id])).get(id)).toEqual({ ...provisional, use });
      expect(await catalog.reviews.open(10)).toHaveLength(1);
      await catalog.reviews.record(id, final, noon);
      expect(await catalog.reviews.open(10)).toEqual([]);
      await using other = await given.open();
      expect((await other.reviews.of([id])).get(id)).toEqual({ ...final, use });
      await refuses('run_ended', () => other.reviews.record(id, provisional, noon));
    });

    it('tell once what is unusual, and once what came of the choice', async () => {
      const { catalog } = given;
      await complete(catalog, 'b1');
      const from = await catalog.latestSequence();
      const run = { runId: 'run-of-b1', schedule: 'db-prod' };
      await catalog.reviews.record('run-of-b1', provisional, noon);
      await catalog.reviews.record('run-of-b1', provisional, noon);
      await catalog.reviews.record('run-of-b1', final, noon);
      expect(await bodies(catalog, from)).toEqual([
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

    it('may say that nothing was found out', async () => {
      const { catalog } = given;
      await complete(catalog, 'b1');
      await catalog.reviews.record('run-of-b1', { unusual: [], isFinal: true }, noon);
      expect(await catalog.reviews.open(10)).toEqual([]);
      expect(await catalog.reviews.latest()).toEqual({});
      expect((await bodies(catalog, 0)).at(-1)).toEqual({
        name: 'run:reviewed',
        runId: 'run-of-b1',
        schedule: 'db-prod',
      });
    });

    it('give what the last run of each schedule met, whenever it was found out', async () => {
      const { catalog } = given;
      await complete(catalog, 'b1');
      await complete(catalog, 'b2');
      await complete(catalog, 'b3', { schedule: '__proto__' });
      await catalog.reviews.record('run-of-b2', provisional, noon);
      await catalog.reviews.record('run-of-b1', final, noon);
      expect(await catalog.reviews.latest()).toEqual({ 'db-prod': { load: 0.5, best: 0.375 } });
      await catalog.reviews.record('run-of-b2', final, noon);
      await catalog.reviews.record('run-of-b3', { ...final, load: { load: 1, metPeak: true } }, noon);
      expect(Object.entries(await catalog.reviews.latest())).toEqual([
        ['__proto__', { load: 1 }],
        ['db-prod', { load: 0.5, best: 0.25, fixed: 0.75 }],
      ]);
    });

    it('know what the latest runs of a schedule took', async () => {
      const { catalog } = given;
      for (const id of ['b1', 'b2', 'b3', 'b4']) await complete(catalog, id);
      await complete(catalog, 'of-another', { schedule: 'files' });
      for (const [index, id] of ['b1', 'b2', 'b4', 'of-another'].entries()) {
        await catalog.reviews.recordUse(`run-of-${id}`, { cpu: index / 4, memory: 0 });
      }
      expect((await catalog.reviews.uses('db-prod', 2)).map(({ cpu }) => cpu)).toEqual([0.5, 0.25]);
      expect(await catalog.reviews.uses('none', 2)).toEqual([]);
    });
  });
}
