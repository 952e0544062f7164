import { describe, expect, it } from 'vitest';
import { mayStart } from './admission.ts';

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
