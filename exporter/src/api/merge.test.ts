import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Place } from '../catalog/catalog.ts';
import { merged, type MergedPlace, type Source } from './merge.ts';

const placeOf = (place: Place): Place => place;

/** Newest first, and of the same moment by the greatest id, as catalogs have them. */
function sourceOf(host: string, items: readonly Place[]): Source<Place> {
  const inOrder = items.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  const isBehind = (item: Place, place: Place): boolean =>
    item.at < place.at || (item.at === place.at && item.id < place.id);
  return {
    host,
    read: (place, limit) => Promise.resolve(inOrder.filter((item) => isBehind(item, place)).slice(0, limit)),
  };
}

/** Few times and ids: many items of the same moment. */
const items = fc.uniqueArray(
  fc.record({ at: fc.integer({ min: 0, max: 5 }), id: fc.stringMatching(/^[a-h]$/) }),
  { maxLength: 30, selector: ({ at, id }) => `${at} ${id}` },
);
const hosts = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'long-name', 'é', '*'), items, {
  noNullPrototype: true,
});

describe('the lists of several hosts', () => {
  it('are one, with each item once, newest first, on pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, fc.integer({ min: 1, max: 40 }), async (all, limit) => {
        const sources = Object.entries(all).map(([host, own]) => sourceOf(host, own));
        const listed: MergedPlace[] = [];
        for (let behind: MergedPlace | undefined; ; behind = listed.at(-1)) {
          const { items: page } = await merged(sources, behind, limit, placeOf);
          listed.push(...page.map(({ host, item }) => ({ ...item, host })));
          if (page.length < limit) break;
        }
        const expected = Object.entries(all)
          .flatMap(([host, own]) => own.map((item) => ({ ...item, host })))
          .toSorted(
            (a, b) => b.at - a.at || (a.host === b.host ? (a.id < b.id ? 1 : -1) : a.host < b.host ? -1 : 1),
          );
        expect(listed).toEqual(expected);
      }),
    );
  });

  it('go on where they were, whichever hosts come and go in between', async () => {
    const one = sourceOf(
      'one',
      [1, 3, 5].map((at) => ({ at, id: 'x' })),
    );
    const two = sourceOf(
      'two',
      [2, 4, 6].map((at) => ({ at, id: 'x' })),
    );
    const { items: page } = await merged([one, two], undefined, 3, placeOf);
    expect(page.map(({ item }) => item.at)).toEqual([6, 5, 4]);
    const behind = { at: 4, id: 'x', host: 'two' };
    expect((await merged([one], behind, 9, placeOf)).items.map(({ item }) => item.at)).toEqual([3, 1]);
    const third = sourceOf(
      'third',
      [4, 3].map((at) => ({ at, id: 'y' })),
    );
    const rest = await merged([one, two, third], behind, 9, placeOf);
    expect(rest.items.map(({ host, item }) => `${host} ${item.at}`)).toEqual([
      'one 3',
      'third 3',
      'two 2',
      'one 1',
    ]);
  });

  it('have nothing of a host that cannot be read, and say which', async () => {
    const good = sourceOf('good', [{ at: 1, id: 'x' }]);
    const error = new Error('no');
    const bad: Source<Place> = { host: 'bad', read: () => Promise.reject(error) };
    expect(await merged([bad, good], undefined, 9, placeOf)).toMatchObject({
      items: [{ host: 'good' }],
      failed: [{ host: 'bad', error }],
    });
  });
});
