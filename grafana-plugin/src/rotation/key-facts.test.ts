import type { Key, Status } from 'lowtide/api';
import type { Rotation } from '../api/answers.ts';
import { describe, expect, it } from 'vitest';
import { keyFactsOf, type RotationAnswers } from './key-facts.ts';
import { statusOf } from './rotation.testdata.ts';
import { keyOf, now, rotationOf } from './rotation.testdata.ts';

const day = 86_400_000;
const iso = (at: number): string => new Date(at).toISOString();
const answersOf = (
  keys: readonly Key[],
  encryption: Status['encryption'] = {},
  rotations: readonly Rotation[] = [],
): RotationAnswers => ({ status: statusOf({ encryption }), keys, rotations });

const aged = (days: number): Key[] => [keyOf('k1', { createdAt: iso(now - days * day) })];
const monthly = { maxKeyAgeSeconds: 30 * 86_400 };

describe('the age of the key', () => {
  it.each([
    { title: 'young', keys: aged(3), encryption: monthly, verdict: 'good' },
    { title: 'of the last days', keys: aged(28), encryption: monthly, verdict: 'soon' },
    { title: 'too old', keys: aged(31), encryption: monthly, verdict: 'over' },
    { title: 'of any age without a policy', keys: aged(900), encryption: {}, verdict: 'unlimited' },
    { title: 'missing', keys: [], encryption: monthly, verdict: 'none' },
  ])('is judged against the policy: $title', ({ keys, encryption, verdict }) => {
    expect(keyFactsOf(answersOf(keys, encryption), now).verdict).toBe(verdict);
  });

  it('is held against the next rotation where no age is set', () => {
    const rotation = { mode: 'rewrap', atLowTide: false, dueAt: iso(now + 10 * day) } as const;
    const facts = keyFactsOf(answersOf(aged(20), { rotation }), now);
    expect(facts.allowedSeconds).toBe(30 * 86_400);
    expect(facts.nextAt).toBe(now + 10 * day);
  });

  it('is that of the key for backups, not of one for recovery', () => {
    const recovery = keyOf('k0', { purpose: 'recovery', createdAt: iso(now - 500 * day) });
    expect(keyFactsOf(answersOf([recovery, ...aged(3)], monthly), now).active?.id).toBe('k1');
  });

  it('is none while a clock that was set back says that the key is of tomorrow', () => {
    expect(keyFactsOf(answersOf(aged(-1), monthly), now).ageSeconds).toBe(0);
  });
});

describe('the keys in use', () => {
  it('are the active one, and those that backups depend on, the newest first', () => {
    const keys = [
      keyOf('old', { state: 'retiring', backups: 3, createdAt: iso(now - 90 * day) }),
      keyOf('gone', { state: 'retired', backups: 0 }),
      keyOf('last', { state: 'retiring', backups: 9, createdAt: iso(now - 60 * day) }),
      keyOf('fresh', { backups: 0 }),
    ];
    const facts = keyFactsOf(answersOf(keys), now);
    expect(facts.inUse.map(({ id }) => id)).toEqual(['fresh', 'last', 'old']);
    expect(facts.idle).toBe(1);
  });
});

describe('the last rotation', () => {
  it('is the last that has ended', () => {
    const rotations = [rotationOf({ id: 'r3' }), rotationOf({ id: 'r2', status: 'failed' })];
    expect(keyFactsOf(answersOf([], {}, rotations), now).last?.id).toBe('r2');
  });
});
