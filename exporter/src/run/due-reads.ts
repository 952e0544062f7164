import type { EpochMs } from '../units/instant.ts';

/** A good copy, as far as it matters for when it is read in full. */
export interface ReadableCopy {
  readonly backupId: string;
  readonly store: string;
  readonly bytes: number;
  /** When it was last known to be what was stored: read, verified, made good, or made. */
  readonly knownAt: EpochMs;
  /** When it last had its turn; absent where it has not had one. */
  readonly readAt?: EpochMs;
}

export interface DueRead<Copy extends ReadableCopy> {
  readonly copy: Copy;
  /** From when on it might have been read. */
  readonly dueAt: EpochMs;
}

export interface ReadingTime {
  readonly now: EpochMs;
  /** Every copy is to be read within this time. */
  readonly withinMs: number;
}

const dayMs = 86_400_000;
/** A day may go by until the host is quiet, and another until what a day may cost allows it. */
const mostSlackMs = 2 * dayMs;
/** What a day may cost above the average, to make up for days on which nothing could be read. */
const catchUp = 1.25;

/**
 * The copies of one store that are to be read in full now, in this order. All of them together are read once within `withinMs`, less
 * some slack, and evenly: at a rate of all bytes over that time, those first that are known to be good for the longest. A copy is due
 * once waiting longer would leave it, or one behind it, too little time at that rate; so what became due at once, as after a
 * rebuild of the catalog, is drawn apart. A day (UTC) costs at most a quarter more than the average, or one copy where that
 * alone is larger.
 */
export function dueReads<Copy extends ReadableCopy>(
  copies: readonly Copy[],
  { now, withinMs }: ReadingTime,
): readonly DueRead<Copy>[] {
  const total = sumOf(copies);
  const cycleMs = cycleOf(withinMs);
  const msPerByte = total === 0 ? 0 : cycleMs / total;
  const queue = copies.toSorted((a, b) => a.knownAt - b.knownAt);
  const latest = latestStarts(queue, cycleMs, msPerByte);
  const today = Math.floor(now / dayMs);
  const readToday = copies.filter(
    ({ readAt }) => readAt !== undefined && Math.floor(readAt / dayMs) === today,
  );
  let left = dailyBytes(copies, withinMs) - sumOf(readToday);
  let ahead = 0;
  const due: DueRead<Copy>[] = [];
  for (const [index, copy] of queue.entries()) {
    // What is read now stands behind all others: they have so much more time.
    const dueAt = (latest[index] ?? Infinity) + ahead * msPerByte;
    if (now < dueAt || left <= 0) break;
    due.push({ copy, dueAt });
    left -= copy.bytes;
    ahead += copy.bytes;
  }
  return due;
}

/** What reading may cost within a day, but for one copy that is larger. */
export function dailyBytes(copies: readonly ReadableCopy[], withinMs: number): number {
  return (catchUp * sumOf(copies) * dayMs) / cycleOf(withinMs);
}

export function isOverdue({ knownAt }: ReadableCopy, { now, withinMs }: ReadingTime): boolean {
  return now - knownAt > withinMs;
}

/** For each: when it, or one behind it, has to be begun at the latest if those ahead of it are to be read at the rate. */
function latestStarts(
  queue: readonly ReadableCopy[],
  cycleMs: number,
  msPerByte: number,
): readonly EpochMs[] {
  let ahead = 0;
  const own = queue.map(({ knownAt, bytes }) => {
    const start = knownAt + cycleMs - ahead * msPerByte;
    ahead += bytes;
    return start;
  });
  let earliest = Infinity;
  return own
    .toReversed()
    .map((start) => (earliest = Math.min(earliest, start)))
    .toReversed();
}

function cycleOf(withinMs: number): number {
  return withinMs - Math.min(withinMs / 4, mostSlackMs);
}

function sumOf(copies: readonly ReadableCopy[]): number {
  return copies.reduce((sum, { bytes }) => sum + bytes, 0);
}
