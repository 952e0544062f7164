import { describe, expect, it } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { leastOf, ownAndShared, partOf, sharedUse } from './shared-limits.ts';

const { stores } = configSchema.parse({
  stores: {
    local: { type: 'directory', path: '/a' },
    usb: { type: 'directory', path: '/b', streams: 1 },
    vault: { type: 's3', provider: 'aws', bucket: 'b', region: 'eu-west-1', streams: 3 },
  },
  schedules: [],
});

describe('what hosts share', () => {
  it('are buckets, networks and servers by their name, and never a folder', () => {
    const networks = { backbone: { streams: 2 } };
    const told = ownAndShared(stores, { stores: { usb: { streams: 1 }, vault: { streams: 3 } }, networks });
    expect(told).toEqual({
      limits: { stores: { local: {}, usb: { streams: 1 } } },
      shared: { stores: { vault: { streams: 3 } }, networks },
    });
  });

  it('takes the least of what they say', () => {
    expect(
      leastOf([
        { stores: { vault: { streams: 3, bandwidth: 10 } }, servers: { db: { dumps: 2 } } },
        { stores: { vault: { streams: 2 } }, networks: { backbone: { bandwidth: 5 } } },
        { stores: { vault: { bandwidth: 20 } }, servers: { db: { dumps: 1 } } },
      ]),
    ).toEqual({
      stores: { vault: { streams: 2, bandwidth: 10 } },
      networks: { backbone: { bandwidth: 5 } },
      servers: { db: { dumps: 1 } },
    });
    expect(leastOf([])).toEqual({ stores: {}, networks: {}, servers: {} });
  });

  it('is kept for a run no further than what it waits for', () => {
    const run = { stores: ['usb', 'vault'], network: 'backbone', server: 'db', bytesPerSecond: 5 };
    const limits = { stores: { usb: { streams: 1 }, vault: { streams: 3 } }, servers: { db: { dumps: 1 } } };
    const use = sharedUse(run, stores, limits);
    if (use === undefined) throw new TypeError('it has to do with what hosts share');
    expect(use.limits.stores).toEqual({ vault: { streams: 3 } });
    const kept = (['store', 'network', 'server'] as const).map((full) => partOf(use, full).ways);
    expect(kept).toEqual([
      { stores: ['vault'], bytesPerSecond: 5 },
      { stores: [], network: 'backbone', bytesPerSecond: 5 },
      { stores: [], server: 'db', bytesPerSecond: 5 },
    ]);
    expect(sharedUse({ stores: ['usb'] }, stores, limits)).toBeUndefined();
  });
});
