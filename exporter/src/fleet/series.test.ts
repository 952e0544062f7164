import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeSeries, encodeSeries } from './series.ts';

it('keeps each share to 0.2 %, and what is not known as not known', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(NaN))),
      (shares) => {
        const kept = decodeSeries(encodeSeries(Float64Array.from(shares)));
        expect(kept).toHaveLength(shares.length);
        for (const [index, share] of shares.entries()) {
          if (Number.isNaN(share)) expect(kept[index]).toBeNaN();
          else expect(Math.abs((kept[index] ?? NaN) - share)).toBeLessThanOrEqual(0.002 + 1e-12);
        }
      },
    ),
  );
});

it('takes a forecast of two days in less than a kilobyte', () => {
  expect(encodeSeries(new Float64Array(576).fill(0.5)).length).toBeLessThan(1000);
});
