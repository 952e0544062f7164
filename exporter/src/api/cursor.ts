import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';

/**
 * Where a page ended: the list it is of and the id of its last item. Opaque to callers, who get it back by pasting it:
 * anything else is refused.
 */
const shape = z.tuple([z.string(), z.string()]);

export function encodeCursor(list: string, last: string): string {
  return Buffer.from(JSON.stringify([list, last])).toString('base64url');
}

/** Throws `usage` for what is no cursor of this list. */
export function decodeCursor(list: string, cursor: string): string {
  try {
    const [of, last] = shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (of === list && encodeCursor(list, last) === cursor) return last;
  } catch {
    // Not JSON, or of another shape.
  }
  throw new LowtideError('usage', `the cursor is none of ${list}`, {
    hint: 'Take nextCursor of the page before as it is, or leave it out to begin at the newest.',
  });
}

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor?: string;
}

/** One page of what `read` gives behind an item, asking for one more to see whether there is more. */
export function pageOf<T, V>(
  list: string,
  query: PageQuery,
  read: (after: string | undefined, limit: number) => readonly T[],
  idOf: (item: T) => string,
  view: (item: T) => V,
): Page<V> {
  const after = query.cursor === undefined ? undefined : decodeCursor(list, query.cursor);
  const found = read(after, query.limit + 1);
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  return {
    items: items.map(view),
    ...(last !== undefined && found.length > items.length && { nextCursor: encodeCursor(list, idOf(last)) }),
  };
}

/** The same for what is in memory, in the order of its ids: that goes on behind one that is gone. */
export function pageOfIds(list: string, query: PageQuery, ids: readonly string[]): Page<string> {
  return pageOf(
    list,
    query,
    (after, limit) => {
      const begin = after === undefined ? 0 : ids.findIndex((id) => id > after);
      return begin === -1 ? [] : ids.slice(begin, begin + limit);
    },
    (id) => id,
    (id) => id,
  );
}

/** The same in any order. Throws `not_found` where the page before ended with what is gone. */
export function pageOfAll<T>(
  list: string,
  query: PageQuery,
  all: readonly T[],
  idOf: (item: T) => string,
): Page<T> {
  return pageOf(
    list,
    query,
    (after, limit) => {
      const last = after === undefined ? -1 : all.findIndex((item) => idOf(item) === after);
      if (after !== undefined && last === -1) throw gone(list, after);
      return all.slice(last + 1, last + 1 + limit);
    },
    idOf,
    (item) => item,
  );
}

function gone(list: string, last: string): LowtideError {
  return new LowtideError('not_found', `${last}, where the page before ended, is no longer among ${list}`, {
    hint: 'Begin anew, without a cursor.',
  });
}
