import { describe, expect, it } from 'vitest';
import { configSchema } from '../config/schema.ts';
import type { Limits, Ways } from '../schedule/limits.ts';
import { fullWay, limitsOf, mayStart } from './admission.ts';

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

describe('fullWay', () => {
  const runs = [
    { stores: ['local'], bytesPerSecond: 30 },
    { stores: ['local', 'offsite'], network: 'lan', server: 'db', bytesPerSecond: 60 },
  ];

  it.each([
    [{ stores: ['local'] }, {}, undefined],
    [{ stores: ['local'] }, { stores: { local: { streams: 3 } } }, undefined],
    [{ stores: ['local'] }, { stores: { local: { streams: 2 } } }, 'store'],
    [{ stores: ['third', 'offsite'] }, { stores: { offsite: { streams: 1 } } }, 'store'],
    [{ stores: ['third'] }, { stores: { third: { streams: 1, bandwidth: 1 } } }, undefined],
    [{ stores: ['third'], bytesPerSecond: 9 }, { stores: { third: { bandwidth: 1 } } }, undefined],
    [{ stores: [] }, { stores: { local: { streams: 1 } } }, undefined],
    [{ stores: ['local'], bytesPerSecond: 10 }, { stores: { local: { bandwidth: 100 } } }, undefined],
    [{ stores: ['local'], bytesPerSecond: 11 }, { stores: { local: { bandwidth: 100 } } }, 'store'],
    [{ stores: ['local'] }, { stores: { local: { bandwidth: 1 } } }, undefined],
    [{ stores: [], network: 'lan' }, { networks: { lan: { streams: 1 } } }, 'network'],
    [{ stores: [], network: 'wan' }, { networks: { lan: { streams: 1 } } }, undefined],
    [
      { stores: [], network: 'lan', bytesPerSecond: 50 },
      { networks: { lan: { bandwidth: 100 } } },
      'network',
    ],
    [{ stores: [], server: 'db' }, { servers: { db: { dumps: 1 } } }, 'server'],
    [{ stores: [], server: 'db' }, { servers: { db: { dumps: 2 } } }, undefined],
    [{ stores: [], server: 'db' }, { servers: { other: { dumps: 1 } } }, undefined],
  ])('says what leaves no room for %o under %o: %s', (wanted: Ways, limits: Limits, full) => {
    expect(fullWay(wanted, runs, limits)).toBe(full);
  });

  it('lets every run start alone', () => {
    const limits = { stores: { local: { bandwidth: 1 } }, servers: { db: { dumps: 1 } } };
    expect(fullWay({ stores: ['local'], server: 'db', bytesPerSecond: 99 }, [], limits)).toBeUndefined();
  });
});

describe('limitsOf', () => {
  it('has of the config what is limited, and nothing else of it', () => {
    const config = configSchema.parse({
      stores: {
        local: { type: 'directory', path: '/b', streams: 2, bandwidth: '1MiB/s' },
        free: { type: 'directory', path: '/c' },
      },
      networks: { lan: { bandwidth: '2MiB/s' }, wan: {} },
      servers: { db: { dumps: 1 }, other: {} },
      schedules: [],
    });
    expect(limitsOf(config)).toEqual({
      stores: { local: { streams: 2, bandwidth: 1024 ** 2 } },
      networks: { lan: { bandwidth: 2 * 1024 ** 2 } },
      servers: { db: { dumps: 1 } },
    });
  });
});
