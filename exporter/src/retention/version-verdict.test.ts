import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OldVersion } from '../store/store.ts';
import { judgeBackupVersions, versionsToRemove, type BackupFacts } from './version-verdict.ts';

const hour = 3_600_000;
const now = Date.UTC(2026, 10, 24, 12);
const there = { name: 'n', sizeBytes: 1, modifiedAt: 0 };
const time = fc.integer({ min: 0, max: 10 });

describe('the verdict on old versions of a backup', () => {
  const facts: fc.Arbitrary<BackupFacts> = fc.record({
    schedule: fc.constant('db'),
    startedAt: time,
    onFile: fc.constantFrom('good', 'damaged', 'failed', 'pruned', 'in_work', undefined),
    isWhole: fc.boolean(),
    newestGoodAt: fc.option(time, { nil: undefined }),
  });

  it('lets nothing go that may be the last of what the catalog counts on, or of a schedule', () => {
    fc.assert(
      fc.property(facts, fc.constantFrom(there, undefined), (each, current) => {
        if (!judgeBackupVersions(each, { current }).remove) return;
        const { onFile, isWhole, newestGoodAt, startedAt } = each;
        expect(onFile).not.toBe('in_work');
        expect(onFile).not.toBe('damaged');
        if (onFile === 'good') expect([isWhole, current]).toEqual([true, there]);
        else if (onFile !== 'pruned') {
          expect(current).toBeUndefined();
          expect(newestGoodAt).toBeGreaterThan(startedAt);
        }
      }),
    );
  });

  it.each<[BackupFacts['onFile'], boolean, boolean, string]>([
    ['good', true, true, 'replaced'],
    ['good', false, false, 'an old version may bring it back'],
    [undefined, false, true, 'lowtide catalog rebuild'],
    [undefined, false, false, 'no newer good backup'],
    ['pruned', false, false, 'pruned'],
  ])('says why: on file as %s', (onFile, isWhole, isThere, text) => {
    const judged = judgeBackupVersions(
      { schedule: 'db', startedAt: 5, onFile, isWhole, newestGoodAt: undefined },
      { current: isThere ? there : undefined },
    );
    expect(judged.reason).toContain(text);
  });
});

describe('the order in which old versions go', () => {
  const version = fc.record({
    isMarker: fc.boolean(),
    age: fc.integer({ min: 0, max: 48 }),
    isLocked: fc.boolean(),
  });

  it('never brings back what was deleted, wherever it is cut off', () => {
    fc.assert(
      fc.property(
        fc.array(version, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        fc.nat(),
        (list, isDeleted, cut) => {
          const old = list.map(({ age, isMarker }, index): OldVersion => {
            const isNewest = isDeleted && index === 0;
            return {
              name: 'n',
              id: `${index}`,
              sizeBytes: 1,
              isMarker: isMarker || isNewest,
              isNewest,
              since: now - age * hour,
            };
          });
          const stays = ({ id, isMarker }: OldVersion): boolean =>
            !isMarker && list[Number(id)]?.isLocked === true;
          const { first, then } = versionsToRemove({ old }, { now, safeAgeMs: 24 * hour }, stays);
          for (const { id, since } of [...first, ...then]) {
            expect(now - since).toBeGreaterThanOrEqual(24 * hour);
            expect(list[Number(id)]?.isLocked === true && old[Number(id)]?.isMarker === false).toBe(false);
          }
          // Within a step any may have gone before the others.
          const gone = new Set([...first, ...then].slice(0, cut % (first.length + then.length + 1)));
          const [newest] = old.filter((each) => !gone.has(each));
          if (isDeleted && newest !== undefined) expect(newest.isNewest).toBe(true);
        },
      ),
    );
  });
});
