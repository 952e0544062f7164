import { z } from 'zod';
import type { CatalogReader, Place } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { HostProblem } from './contract.ts';
import { decodeCursor, encodeCursor, pageOf, type Page, type PageQuery } from './cursor.ts';
import { merged, type MergedPlace } from './merge.ts';
import { hostProblem, of, type Side, type Sides } from './sides.ts';

/** A list that each host has of its own, newest first. */
export interface HostList<T, V> {
  readonly name: string;
  /** Behind the item with the id `after`, or behind a place. */
  read(
    catalog: CatalogReader,
    from: { readonly limit: number; readonly after?: string; readonly behind?: Place },
  ): Promise<readonly T[]>;
  readonly placeOf: (item: T) => Place;
  /** In their order. */
  views(items: readonly T[], side: Side): readonly V[] | Promise<readonly V[]>;
}

export type HostPage<V> = Page<V & { readonly host: string }> & { problems?: HostProblem[] };

/** A page of the list of one host, or of those of all. */
export async function hostPage<T, V>(
  sides: Sides,
  { host, ...query }: PageQuery & { readonly host?: string | undefined },
  list: HostList<T, V>,
): Promise<HostPage<V>> {
  const all = await sides.all(host);
  if (all !== undefined) return await mergedPage(all, sides.self, query, list);
  const side = host === '*' ? sides.own() : await sides.of(host);
  const { items, ...more } = await pageOf(
    side.host === sides.self ? list.name : `${list.name} of ${side.host}`,
    query,
    (after, limit) => list.read(side.catalog, { limit, ...(after !== undefined && { after }) }),
    (item) => list.placeOf(item).id,
    (item) => item,
  );
  return { items: await viewsOf(items, side, list), ...more };
}

async function viewsOf<T, V>(
  items: readonly T[],
  side: Side,
  list: HostList<T, V>,
): Promise<(V & { readonly host: string })[]> {
  return (await list.views(items, side)).map((view) => of(side.host, view));
}

async function mergedPage<T, V>(
  all: readonly Side[],
  self: string,
  { cursor, limit }: PageQuery,
  list: HostList<T, V>,
): Promise<HostPage<V>> {
  const name = `${list.name} of all`;
  const sources = all.map(({ host, catalog }) => ({
    host,
    read: (behind: Place, most: number) => list.read(catalog, { behind, limit: most }),
  }));
  const behind = cursor === undefined ? undefined : placeOf(name, cursor);
  const { items: found, failed } = await merged(sources, behind, limit + 1, list.placeOf);
  // Where this host's own part cannot be had, the state itself cannot.
  for (const { host, error } of failed) if (host === self) throw error;
  const page = found.slice(0, limit);
  const items: (V & { readonly host: string })[] = [];
  for (const side of all) {
    const places = [...page.keys()].filter((place) => page[place]?.host === side.host);
    if (places.length === 0) continue;
    const own = await viewsOf(
      page.flatMap(({ host, item }) => (host === side.host ? [item] : [])),
      side,
      list,
    );
    for (const [index, place] of places.entries()) items[place] = own[index] as V & { readonly host: string };
  }
  const last = found.at(limit - 1);
  return {
    items,
    ...(last !== undefined && found.length > limit && { nextCursor: cursorAt(name, last, list.placeOf) }),
    ...(failed.length > 0 && { problems: failed.map(({ host, error }) => hostProblem(host, error)) }),
  };
}

function cursorAt<T>(
  name: string,
  { host, item }: { readonly host: string; readonly item: T },
  placeOf: (item: T) => Place,
): string {
  const { at, id } = placeOf(item);
  return encodeCursor(name, JSON.stringify([at, host, id]));
}

const writtenPlace = z.tuple([z.int(), z.string(), z.string()]);

/** Throws `usage`. */
function placeOf(name: string, cursor: string): MergedPlace {
  try {
    const [at, host, id] = writtenPlace.parse(JSON.parse(decodeCursor(name, cursor)));
    return { at, host, id };
  } catch (thrown) {
    if (thrown instanceof LowtideError) throw thrown;
    throw new LowtideError('usage', `the cursor is none of ${name}`, {
      hint: 'Take nextCursor of the page before as it is, or leave it out to begin at the newest.',
    });
  }
}
