import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldByAlert } from './alerts.ts';

const firing = ['HostDown'];
const early = { now: 0, deadline: 100 };

describe('an alert that fires', () => {
  it.each([
    ['critical', false],
    ['high', false],
    ['medium', true],
    ['low', true],
  ] as const)('holds back what is %s: %s', (priority, held) => {
    expect(heldByAlert(firing, { priority, on_deadline: 'run' }, early)).toBe(held);
    expect(heldByAlert([], { priority, on_deadline: 'run' }, early)).toBe(false);
  });

  it('makes nothing late', () => {
    const late = fc
      .record({ now: fc.nat(), deadline: fc.nat() })
      .filter(({ now, deadline }) => now >= deadline);
    fc.assert(
      fc.property(late, fc.constantFrom('critical', 'high', 'medium', 'low'), (times, priority) => {
        expect(heldByAlert(firing, { priority, on_deadline: 'run' }, times)).toBe(false);
      }),
    );
  });

  it('holds what is passed over at its deadline to the end', () => {
    const schedule = { priority: 'low', on_deadline: 'skip' } as const;
    expect(heldByAlert(firing, schedule, { now: 100, deadline: 100 })).toBe(true);
  });
});
