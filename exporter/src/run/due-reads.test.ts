import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dailyBytes, dueReads, isOverdue, type ReadableCopy } from './due-reads.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const start = Date.UTC(2026, 2, 3);

interface Simulated extends ReadableCopy {
  readonly bytes: number;
  knownAt: number;
  readAt?: number;
}

/** A quiet hour each day, in which what is due is read; gives the bytes of each day, and how long each copy went unread. */
function simulate(
  copies: Simulated[],
  { withinMs, days, quietHour }: { withinMs: number; days: number; quietHour: (day: number) => number },
): { readonly costs: readonly number[]; readonly longestMs: ReadonlyMap<string, number> } {
  const longestMs = new Map<string, number>();
  const note = ({ backupId }: Simulated, ms: number): unknown =>
    longestMs.set(backupId, Math.max(longestMs.get(backupId) ?? 0, ms));
  const lastSeen = new Map(copies.map((copy) => [copy.backupId, start]));
  const costs: number[] = [];
  for (let day = 0; day < days; day += 1) {
    const now = start + day * dayMs + quietHour(day) * hourMs;
    let cost = 0;
    for (const { copy, dueAt } of dueReads(copies, { now, withinMs })) {
      expect(dueAt).toBeLessThanOrEqual(now);
      note(copy, now - (lastSeen.get(copy.backupId) ?? start));
      lastSeen.set(copy.backupId, now);
      Object.assign(copy, { knownAt: now, readAt: now });
      cost += copy.bytes;
    }
    costs.push(cost);
  }
  for (const copy of copies) note(copy, start + days * dayMs - (lastSeen.get(copy.backupId) ?? start));
  return { costs, longestMs };
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 1e12 }), fc.integer({ min: 1, max: 1000 })), {
  minLength: 1,
  maxLength: 60,
});
const within = fc.integer({ min: 8, max: 60 });
const hours = fc.array(fc.integer({ min: 0, max: 23 }), { minLength: 24, maxLength: 24 });

describe('reading every copy in full in its time', () => {
  it('leaves none unread for longer, whatever their sizes, ages and quiet hours, at a bounded cost a day', () => {
    fc.assert(
      fc.property(sizes, within, hours, fc.infiniteStream(fc.nat(400)), (bytes, days, quiet, ages) => {
        const withinMs = days * dayMs;
        const copies = bytes.map((size, index): Simulated => {
          const age = (ages.next().value as number) * dayMs;
          return { backupId: `b${index}`, store: 's', bytes: size, knownAt: start - age };
        });
        const quietHour = (day: number): number => quiet[day % quiet.length] ?? 0;
        const limit = dailyBytes(copies, withinMs) + Math.max(...bytes);
        const { costs, longestMs } = simulate(copies, { withinMs, days: 3 * days, quietHour });
        expect(Math.max(...longestMs.values())).toBeLessThanOrEqual(withinMs);
        expect(Math.max(...costs)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 150 },
    );
  });

  it('reads no more than all of it once a cycle, and spreads what is of one day', () => {
    const copies = Array.from({ length: 280 }, (_, index): Simulated => ({
      backupId: `b${index}`,
      store: 's',
      bytes: 1000,
      knownAt: start,
    }));
    const { costs } = simulate(copies, { withinMs: 30 * dayMs, days: 84, quietHour: () => 2 });
    // 28 days: the 30 without their slack.
    expect(costs.reduce((sum, cost) => sum + cost)).toBeLessThanOrEqual(3 * 280_000 + 10_000);
    expect(Math.max(...costs)).toBeLessThanOrEqual(11_000);
    expect(costs.slice(1).filter((cost) => cost < 9000)).toEqual([]);
  });

  it('makes up for a week without a quiet hour within two, and says meanwhile what is overdue', () => {
    const withinMs = 30 * dayMs;
    const copies = Array.from({ length: 280 }, (_, index): Simulated => ({
      backupId: `b${index}`,
      store: 's',
      bytes: 1000,
      knownAt: start - 7 * dayMs - (index / 280) * 28 * dayMs,
    }));
    const overdue = (day: number): number =>
      copies.filter((copy) => isOverdue(copy, { now: start + day * dayMs, withinMs })).length;
    expect(overdue(0)).toBeGreaterThan(40);
    const { costs } = simulate(copies, { withinMs, days: 40, quietHour: () => 2 });
    expect(Math.max(...costs)).toBeLessThanOrEqual(13_500);
    expect(overdue(40)).toBe(0);
  });

  it('finds nothing to read where there is nothing, or only what was just made', () => {
    expect(dueReads([], { now: start, withinMs: 8 * dayMs })).toEqual([]);
    const fresh = { backupId: 'b', store: 's', bytes: 0, knownAt: start };
    expect(dueReads([fresh], { now: start + dayMs, withinMs: 8 * dayMs })).toEqual([]);
    expect(dueReads([{ ...fresh, bytes: 5 }], { now: start + 7 * dayMs, withinMs: 8 * dayMs })).toHaveLength(
      1,
    );
  });
});
