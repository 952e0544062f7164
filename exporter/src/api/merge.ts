import type { Place } from '../catalog/catalog.ts';
import type { EpochMs } from '../units/instant.ts';

/**
 * Lists of several hosts as one, newest first; of the same moment by the names of the hosts, then as each host has them. A place in
 * it is that of an item: each host goes on with what comes behind it, whether or not the item is its own. So a page needs to know
 * nothing of where each host was, and hosts may come and go between two pages.
 */
export interface MergedPlace extends Place {
  readonly host: string;
}

export interface Source<T> {
  readonly host: string;
  /** At most `limit` items behind a place, newest first. */
  read(behind: Place, limit: number): Promise<readonly T[]>;
}

export interface Merged<T> {
  readonly items: readonly { readonly host: string; readonly item: T }[];
  /** Hosts that could not be read, and why: nothing of them is among the items. */
  readonly failed: readonly { readonly host: string; readonly error: unknown }[];
}

/** Hosts that are read at once: each takes a connection, and there are few. */
const atOnce = 2;

/** The first `limit` items behind a place. */
export async function merged<T>(
  sources: readonly Source<T>[],
  behind: MergedPlace | undefined,
  limit: number,
  placeOf: (item: T) => Place,
): Promise<Merged<T>> {
  const chunk = Math.min(limit, Math.max(5, Math.ceil((2 * limit) / Math.max(1, sources.length))));
  const readers = sources.map((source) => new Reader(source, placeIn(source.host, behind), chunk, placeOf));
  const waiting = [...readers];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next.fill();
    }),
  );
  const items: { host: string; item: T; reader: Reader<T> }[] = [];
  while (items.length < limit) {
    const first = firstOf(readers);
    if (first === undefined) break;
    const { host } = first.source;
    items.push({ host, item: first.take(), reader: first });
    await first.fill();
  }
  return {
    // One that could be read at first and not any more would have gaps.
    items: items.filter(({ reader }) => reader.error === undefined),
    failed: readers.flatMap(({ source: { host }, error }) => (error === undefined ? [] : [{ host, error }])),
  };
}

/** Where a host goes on: it is left out whether what lies there is an item of its own. */
function placeIn(host: string, behind: MergedPlace | undefined): Place {
  if (behind === undefined) return { at: Number.MAX_SAFE_INTEGER, id: '' };
  const { at, id } = behind;
  if (host === behind.host) return { at, id };
  // Of the same moment everything was listed of the hosts before that one, and nothing of those behind it.
  return { at: host < behind.host ? at : at + 1, id: '' };
}

function firstOf<T>(readers: readonly Reader<T>[]): Reader<T> | undefined {
  let first: Reader<T> | undefined;
  for (const reader of readers) {
    if (reader.headAt === undefined) continue;
    const isFirst =
      first?.headAt === undefined ||
      reader.headAt > first.headAt ||
      (reader.headAt === first.headAt && reader.source.host < first.source.host);
    if (isFirst) first = reader;
  }
  return first;
}

/** What comes next of one host, read as it is needed. */
class Reader<T> {
  readonly source: Source<T>;
  readonly #chunk: number;
  readonly #placeOf: (item: T) => Place;
  #read: T[] = [];
  #place: Place;
  #isEnd = false;
  error: unknown;

  constructor(source: Source<T>, place: Place, chunk: number, placeOf: (item: T) => Place) {
    this.source = source;
    this.#place = place;
    this.#chunk = chunk;
    this.#placeOf = placeOf;
  }

  get headAt(): EpochMs | undefined {
    const [head] = this.#read;
    return head === undefined ? undefined : this.#placeOf(head).at;
  }

  take(): T {
    const item = this.#read.shift();
    if (item === undefined) throw new TypeError(`nothing was read of ${this.source.host}`);
    return item;
  }

  async fill(): Promise<void> {
    if (this.#read.length > 0 || this.#isEnd) return;
    try {
      this.#read = [...(await this.source.read(this.#place, this.#chunk))];
    } catch (thrown) {
      this.error = thrown;
    }
    const last = this.#read.at(-1);
    if (last !== undefined) this.#place = this.#placeOf(last);
    this.#isEnd = this.#read.length < this.#chunk;
  }
}
