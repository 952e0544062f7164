import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Starts } from './starts.ts';

it('knows who starts where, whoever comes and goes', () => {
  const move = fc.record({ job: fc.nat(7), place: fc.nat(4) });
  const span = fc.tuple(fc.nat(4), fc.nat(4));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), span, (moves, [from, to]) => {
      const starts = new Starts(5, 8);
      const places = new Map<number, number>();
      for (const { job, place } of moves) {
        const before = places.get(job);
        if (before === undefined) {
          starts.add(job, place);
          places.set(job, place);
        } else {
          starts.remove(job, before);
          places.delete(job);
        }
      }
      const expected = [...places].filter(([, place]) => from <= place && place <= to).map(([job]) => job);
      expect(starts.between(from, to).sort()).toEqual(expected.sort());
    }),
  );
});
