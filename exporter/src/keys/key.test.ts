import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKeyId, keyIdOf, mayBecome, settle, type KeyRecord } from './key.ts';
import type { KeyState } from './keystore.ts';

const states: readonly KeyState[] = ['active', 'retiring', 'retired', 'destroyed'];

const record = fc
  .record({
    state: fc.constantFrom(...states),
    sequence: fc.integer({ min: 1, max: 6 }),
    createdAt: fc.integer({ min: 0, max: 3 }),
    number: fc.integer({ min: 0, max: 999_999 }),
  })
  .map(({ number, ...rest }): KeyRecord => {
    const recipient = `age1${number}`;
    return { ...rest, id: keyIdOf(recipient), recipient, origin: 'generated', purpose: 'backup' };
  });
const records = fc.uniqueArray(record, { selector: ({ id }) => id, maxLength: 12 });

describe('keyIdOf', () => {
  it('is the start of the SHA-256 of the recipient, the same for ever', () => {
    // printf %s age1lvyv… | sha256sum
    expect(keyIdOf('age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z')).toBe(
      'key-ce9450dfdff5',
    );
  });

  it('has the form of a key id, whatever the recipient', () => {
    fc.assert(
      fc.property(fc.string(), (recipient) => {
        expect(isKeyId(keyIdOf(recipient))).toBe(true);
        expect(keyIdOf(recipient)).toBe(keyIdOf(recipient));
      }),
    );
  });

  it.each(['', 'key-', 'key-0123456789a', 'key-0123456789ab0', 'key-0123456789AB', '../key-0123456789ab'])(
    '%j is no key id',
    (text) => {
      expect(isKeyId(text)).toBe(false);
    },
  );
});

describe('the states of a key', () => {
  it('follow one another, and none is skipped', () => {
    const allowed = states.flatMap((from) =>
      states.filter((to) => mayBecome(from, to)).map((to) => `${from} ${to}`),
    );
    expect(allowed).toEqual([
      'active active',
      'active retiring',
      'retiring retiring',
      'retiring retired',
      'retired retired',
      'retired destroyed',
      'destroyed destroyed',
    ]);
  });
});

describe('settle', () => {
  it('leaves one active key where there was any, the youngest of them', () => {
    fc.assert(
      fc.property(records, (list) => {
        const claimed = list.filter(({ state }) => state === 'active');
        const active = settle(list).filter(({ state }) => state === 'active');
        expect(active).toHaveLength(Math.min(1, claimed.length));
        for (const other of claimed) expect(other.sequence).toBeLessThanOrEqual(active[0]!.sequence);
      }),
    );
  });

  it('changes no key but from active to retiring, loses none, and sorts the oldest first', () => {
    fc.assert(
      fc.property(records, (list) => {
        const settled = settle(list);
        expect(settled.map(({ sequence }) => sequence)).toEqual(
          list.map(({ sequence }) => sequence).sort((a, b) => a - b),
        );
        for (const before of list) {
          const after = settled.find(({ id }) => id === before.id);
          if (after?.state !== before.state)
            expect([before.state, after?.state]).toEqual(['active', 'retiring']);
        }
      }),
    );
  });

  it('does not depend on the order of the files, and has nothing more to do the second time', () => {
    fc.assert(
      fc.property(records, (list) => {
        expect(settle(list.toReversed())).toEqual(settle(list));
        expect(settle(settle(list))).toEqual(settle(list));
      }),
    );
  });
});
