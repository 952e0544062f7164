import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decideRetention } from '../retention/retention.ts';
import { worthHealing } from './worth.ts';

const hourMs = 3_600_000;
const now = Date.UTC(2026, 2, 3, 12);

const keeps = fc.record(
  { last: fc.nat(4), daily: fc.nat(4), weekly: fc.nat(3), monthly: fc.nat(3) },
  { requiredKeys: [] },
);
const ages = fc.uniqueArray(fc.integer({ min: 2, max: 90 * 24 }), { minLength: 1, maxLength: 25 });

it('chooses what would stay, and no prune in between removes it, in whatever order it comes back', () => {
  fc.assert(
    fc.property(
      ages,
      keeps,
      fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }),
      fc.array(fc.nat(), { minLength: 25, maxLength: 25 }),
      (hours, keep, isGood, order) => {
        const restorable = hours.map((age) => ({ backupId: `b${age}`, createdAt: now - age * hourMs }));
        const good = new Set(restorable.filter((_, index) => isGood[index]).map(({ backupId }) => backupId));
        const lacking = restorable
          .filter(({ backupId }) => !good.has(backupId))
          .map((backup) => ({ ...backup, store: 'offsite', status: 'failed' as const, storedBytes: 1 }));
        const worth = worthHealing(lacking, restorable, { keep, timezone: 'UTC', now });
        const healed = new Set<string>();
        const wanted = worth.map((copy, index) => ({ copy, place: order[index] ?? 0 }));
        for (const { copy } of wanted.toSorted((a, b) => a.place - b.place)) {
          healed.add(copy.backupId);
          const there = restorable
            .filter(({ backupId }) => good.has(backupId) || healed.has(backupId))
            .map(({ backupId, createdAt }) => ({ id: backupId, createdAt, good: true }));
          const removed = decideRetention(there, keep, 'UTC').filter((verdict) => !verdict.keep);
          expect(removed.filter(({ id }) => healed.has(id))).toEqual([]);
        }
      },
    ),
  );
});

it('goes by the rules of each store: what these have removed there is not missing', () => {
  const restorable = [1, 2, 40].map((days) => ({
    backupId: `b${days}`,
    createdAt: now - days * 24 * hourMs,
  }));
  const lacking = restorable.flatMap((backup) =>
    ['local', 'offsite'].map((store) => ({ ...backup, store, status: 'pruned' as const, storedBytes: 1 })),
  );
  const keep = { last: 2, stores: { offsite: { monthly: 2 } } };
  const worth = worthHealing(lacking, restorable, { keep, timezone: 'UTC', now });
  expect(worth.map(({ store, backupId }) => `${store} ${backupId}`)).toEqual([
    'local b1',
    'local b2',
    'offsite b1',
    'offsite b40',
  ]);
});

it('leaves alone what a prune has just marked, and may be removing', () => {
  const backup = { backupId: 'b1', createdAt: now };
  const pruned = { ...backup, store: 'offsite', status: 'pruned' as const, storedBytes: 1 };
  const choose = (prunedAt: number): readonly unknown[] =>
    worthHealing([{ ...pruned, prunedAt }], [backup], { keep: { last: 1 }, timezone: 'UTC', now });
  expect(choose(now - hourMs / 2)).toEqual([]);
  expect(choose(now - 2 * hourMs)).toHaveLength(1);
});
