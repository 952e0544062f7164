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
export async function pageOf<T, V>(
  list: string,
  query: PageQuery,
  read: (after: string | undefined, limit: number) => Promise<readonly T[]>,
  idOf: (item: T) => string,
  view: (item: T) => V | Promise<V>,
): Promise<Page<V>> {
  const { items, ...more } = pageFrom(list, query, await read(afterOf(list, query), query.limit + 1), idOf);
  return { items: await Promise.all(items.map(view)), ...more };
}

function afterOf(list: string, { cursor }: PageQuery): string | undefined {
  return cursor === undefined ? undefined : decodeCursor(list, cursor);
}

/** `found`: what comes behind the page before, one more than asked for where there is more. */
function pageFrom<T>(
  list: string,
  { limit }: PageQuery,
  found: readonly T[],
  idOf: (item: T) => string,
): Page<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    ...(last !== undefined && found.length > items.length && { nextCursor: encodeCursor(list, idOf(last)) }),
  };
}

/** The same for what is in memory, in the order of its ids: that goes on behind one that is gone. */
export function pageOfIds(list: string, query: PageQuery, ids: readonly string[]): Page<string> {
  const after = afterOf(list, query);
  const begin = after === undefined ? 0 : ids.findIndex((id) => id > after);
  return pageFrom(list, query, begin === -1 ? [] : ids.slice(begin, begin + query.limit + 1), (id) => id);
}

/** The same in any order. Throws `not_found` where the page before ended with what is gone. */
export function pageOfAll<T>(
  list: string,
  query: PageQuery,
  all: readonly T[],
  idOf: (item: T) => string,
): Page<T> {
  const after = afterOf(list, query);
  const last = after === undefined ? -1 : all.findIndex((item) => idOf(item) === after);
  if (after !== undefined && last === -1) throw gone(list, after);
  return pageFrom(list, query, all.slice(last + 1, last + 2 + query.limit), idOf);
}

function gone(list: string, last: string): LowtideError {
  return new LowtideError('not_found', `${last}, where the page before ended, is no longer among ${list}`, {
    hint: 'Begin anew, without a cursor.',
  });
}
