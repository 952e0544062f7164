import { describe, expect, it } from 'vitest';
import { mayStart, storesTake } from './admission.ts';

describe('mayStart', () => {
  it('lets every run start alone', () => {
    expect(mayStart({ cpu: 1, memory: 1 }, [])).toBe(true);
  });

  it.each([
    [{ cpu: 0.3, memory: 0.1 }, [{ cpu: 0.7, memory: 0.1 }], true],
    [{ cpu: 0.4, memory: 0.1 }, [{ cpu: 0.7, memory: 0.1 }], false],
    [{ cpu: 0.1, memory: 0.6 }, [{ cpu: 0.1, memory: 0.5 }], false],
    [{ cpu: 0.1, memory: 0.1 }, Array.from({ length: 9 }, () => ({ cpu: 0.1, memory: 0.1 })), true],
    [{ cpu: 0.1, memory: 0.1 }, Array.from({ length: 10 }, () => ({ cpu: 0.1, memory: 0.1 })), false],
  ])('says whether %o fits beside %o: %s', (wanted, running, fits) => {
    expect(mayStart(wanted, running)).toBe(fits);
  });
});

describe('storesTake', () => {
  const runs = [{ stores: ['local'] }, { stores: ['local', 'offsite'] }];

  it.each([
    [['local'], {}, true],
    [['local'], { local: 3 }, true],
    [['local'], { local: 2 }, false],
    [['offsite'], { local: 2, offsite: 2 }, true],
    [['offsite', 'local'], { local: 2, offsite: 2 }, false],
    [['offsite'], { offsite: 1 }, false],
  ])('says whether one more run may write to %o, of which %o takes so many: %s', (stores, streams, fits) => {
    expect(storesTake(stores, runs, streams)).toBe(fits);
  });
});
