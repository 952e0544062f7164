import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../config/read.ts';
import { disagreements, type PoolSettings } from '../../fleet/pool-settings.ts';
import { poolSettings } from './pool-settings.ts';

function told(...schedules: readonly string[]): Readonly<Record<string, PoolSettings>> {
  const text = `
instance: one
state: postgres://lowtide:hunter2@db/lowtide
pools: [any]
encryption: { passphrase: p }
stores: { a: { type: directory, path: ./a }, b: { type: directory, path: ./b } }
schedules:
${schedules.map((schedule) => `  - ${schedule}`).join('\n')}`;
  const { config } = parseConfig(text, {
    file: 'lowtide.yaml',
    resolveSecret: () => ({ problem: 'is not there' }),
    host: { name: 'one', timezone: 'UTC' },
  });
  return poolSettings(config.schedules) ?? {};
}

const shop =
  '{ id: shop, pool: any, source: { type: postgres, url: "postgres://u:hunter2@db1/shop" }, every: 1h, stores: [a], keep: { last: 2 } }';

describe('the settings of a pool’s schedules', () => {
  it('are those of what belongs to pools, and hold no secret', () => {
    const settings = told(shop, shop.replace('id: shop, pool: any', 'id: own'));
    expect(Object.keys(settings)).toEqual(['shop']);
    expect(settings['shop']).toMatchObject({ pool: 'any', every: 3_600_000, stores: ['a'] });
    expect(JSON.stringify(settings)).not.toContain('hunter2');
  });

  it('agree where they are the same, and where a schedule of another pool has the same id', () => {
    const hosts = new Map([
      ['one', told(shop)],
      ['two', told(shop)],
      ['three', {}],
    ]);
    expect(disagreements(hosts)).toEqual([]);
    const other = { ...told(shop)['shop'], pool: 'other', every: 1 } as PoolSettings;
    expect(disagreements(new Map([...hosts, ['four', { shop: other }]]))).toEqual([]);
  });

  it.each([
    ['source', 'db1/shop', 'db2/shop'],
    ['every', 'every: 1h', 'every: 2h'],
    ['stores', '[a]', '[b]'],
    ['window', 'every: 1h', 'every: 1h, window: "01:00-05:00"'],
    ['priority', 'every: 1h', 'every: 1h, priority: high'],
    ['max_delay', 'every: 1h', 'every: 1h, max_delay: 1h'],
  ])('differ by %s', (setting, from, to) => {
    const hosts = new Map([
      ['one', told(shop)],
      ['two', told(shop.replace(from, to))],
      ['three', told(shop.replace(from, to))],
    ]);
    expect(disagreements(hosts)).toEqual([{ pool: 'any', schedule: 'shop', setting, hosts: ['one', 'two'] }]);
  });
});
