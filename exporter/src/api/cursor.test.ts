import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, pageOf, pageOfAll, pageOfIds } from './cursor.ts';

const usage = expect.objectContaining({ code: 'usage' }) as Error;

describe('a cursor', () => {
  it('is read back as it was written, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (list, last) => {
        const cursor = encodeCursor(list, last);
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(decodeCursor(list, cursor)).toBe(last.toWellFormed());
      }),
    );
  });

  it('of another list, or changed anywhere, or made up, is refused', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), (last, seed, noise) => {
        const cursor = encodeCursor('runs', last);
        expect(() => decodeCursor('backups', cursor)).toThrow(usage);
        const at = seed % (cursor.length + 1);
        const changed = cursor.slice(0, at) + noise + cursor.slice(at);
        let read: string | undefined;
        try {
          read = decodeCursor('runs', changed);
        } catch (thrown) {
          expect(thrown).toEqual(usage);
        }
        // What is let through all the same is a cursor of its own, not the same one in another spelling.
        if (read !== undefined) expect(encodeCursor('runs', read)).toBe(changed);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeCursor('runs', text)).toThrow(usage);
      }),
    );
  });
});

describe('pages', () => {
  it('of any size hold every item once, in order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (all, limit) => {
          const seen: string[] = [];
          let cursor: string | undefined;
          do {
            const page = pageOfAll('items', { limit, cursor }, all, (item) => item);
            expect(page.items.length).toBeLessThanOrEqual(limit);
            seen.push(...page.items);
            cursor = page.nextCursor;
          } while (cursor !== undefined);
          expect(seen).toEqual(all);
        },
      ),
    );
  });

  it('ask for no more than one item beyond what they show', async () => {
    const asked: unknown[] = [];
    const read = (after: string | undefined, limit: number): Promise<readonly string[]> => {
      asked.push([after, limit]);
      return Promise.resolve(['a', 'b', 'c'].slice(0, limit));
    };
    const id = (item: string): string => item;
    const { items, nextCursor } = await pageOf('items', { limit: 2 }, read, id, id);
    expect(items).toEqual(['a', 'b']);
    await pageOf('items', { limit: 3, cursor: nextCursor }, read, id, id);
    expect(asked).toEqual([
      [undefined, 3],
      ['b', 4],
    ]);
  });

  it('behind an item that is gone go on where there is an order, and are refused where there is none', () => {
    const cursor = encodeCursor('items', 'b');
    expect(pageOfIds('items', { limit: 2, cursor }, ['a', 'c', 'd', 'e'])).toEqual({
      items: ['c', 'd'],
      nextCursor: encodeCursor('items', 'd'),
    });
    expect(pageOfIds('items', { limit: 2, cursor }, ['a'])).toEqual({ items: [] });
    expect(() => pageOfAll('items', { limit: 2, cursor }, ['a', 'c'], (item) => item)).toThrow(
      expect.objectContaining({ code: 'not_found' }) as Error,
    );
  });
});
