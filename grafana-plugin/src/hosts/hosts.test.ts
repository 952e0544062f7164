import { describe, expect, it } from 'vitest';
import { RequestError } from '../api/failure.ts';
import { gathered, type ListOfHosts } from './ask-hosts.ts';
import { askPlan } from './ask-plan.ts';
import { shownOf, type Whose } from './hosts.ts';
import { fleet, hostOf } from './hosts.testdata.ts';
import { slotOf } from '../timeline/tide.testdata.ts';

describe('the hosts that a page is about', () => {
  it.each([
    ['nobody is known of', [], []],
    ['there is but one', [hostOf('db1')], ['db1']],
  ])('are none to be told apart where %s', (_, hosts, chosen) => {
    expect(shownOf(hosts, chosen)).toEqual({ all: [], shown: [], areSeveral: false, asked: [undefined] });
  });

  it('are all of them where none is chosen, the silent ones first and those that left last', () => {
    const hosts = [hostOf('a', { state: 'left' }), ...fleet];
    const { all, areSeveral, asked } = shownOf(hosts, []);
    expect(all.map(({ instance }) => instance)).toEqual(['db3', 'db1', 'db2', 'a']);
    expect({ areSeveral, asked }).toEqual({ areSeveral: true, asked: ['*'] });
  });

  it.each([
    [['db2'], ['db2'], false],
    [['db2', 'db3'], ['db3', 'db2'], true],
    [['db1', 'db2', 'db3'], ['*'], true],
    [['gone'], ['*'], true],
    [['gone', 'db2'], ['db2'], false],
  ])('are, of %j, asked as %j', (chosen, asked, areSeveral) => {
    expect(shownOf(fleet, chosen)).toMatchObject({ asked, areSeveral });
  });
});

interface Item {
  readonly id: string;
  readonly at: string;
  readonly host?: string;
}
const at = ({ at: moment }: Item): string => moment;

describe('the same of each host', () => {
  it('does not say whose it is where there is but one, whatever the exporter says', async () => {
    const { items } = await gathered<Item>([undefined], () =>
      Promise.resolve({ items: [{ id: 'a', at: '1', host: 'db1' }] }),
    );
    expect(items[0]?.host).toBeUndefined();
  });

  it('comes as one list, the latest first, and tells of more and of what is missing', async () => {
    const lists: Readonly<Record<string, ListOfHosts<Item>>> = {
      db1: { items: [{ id: 'a', at: '3' }], nextCursor: 'x' },
      db2: {
        items: [
          { id: 'a', at: '4' },
          { id: 'b', at: '1' },
        ],
        problems: [{ host: 'db2', code: 'state_unavailable', message: 'part of it' }],
      },
    };
    const ask = (host: Whose): Promise<ListOfHosts<Item>> => Promise.resolve(lists[host ?? '']!);
    const { items, hasMore, problems } = await gathered(['db1', 'db2'], ask, at);
    expect(items.map(({ host, id }) => `${host ?? ''}/${id}`)).toEqual(['db2/a', 'db1/a', 'db2/b']);
    expect(hasMore).toBe(true);
    expect(problems).toHaveLength(1);
  });

  it('keeps the host that each item names where all are asked at once', async () => {
    const items = [{ id: 'a', at: '1', host: 'db2' }];
    expect((await gathered<Item>(['*'], () => Promise.resolve({ items }), at)).items).toEqual(items);
  });

  const refusing = (host: Whose): Promise<ListOfHosts<Item>> => {
    if (host !== 'db2') return Promise.resolve({ items: [{ id: 'a', at: '1' }] });
    const problem = {
      type: 'x',
      title: 'Not found',
      status: 404,
      detail: 'no such host',
      code: 'host_unknown',
    };
    const message = { key: 'failure.said' } as const;
    return Promise.reject(new RequestError({ kind: 'said', status: 404, message, problem } as never));
  };

  it('shows the others where one of them says no', async () => {
    const { items, problems } = await gathered(['db1', 'db2'], refusing, at);
    expect(items).toHaveLength(1);
    expect(problems).toEqual([{ host: 'db2', code: 'host_unknown', message: 'no such host' }]);
  });

  it('fails where the only one says no, or nobody answers', async () => {
    await expect(gathered(['db2'], refusing, at)).rejects.toThrow('no such host');
    const silent = new RequestError({ kind: 'timeout', status: 504, message: { key: 'failure.timeout' } });
    await expect(gathered<Item>(['db1', 'db2'], () => Promise.reject(silent))).rejects.toBe(silent);
  });
});

describe('the plan', () => {
  const planOf = (...hosts: readonly (string | undefined)[]) => ({
    from: '',
    until: '',
    slots: hosts.map((host, index) => ({ ...slotOf('docs', 1e12 - index), host })),
  });

  it('of several hosts is one, by start, and each slot says whose it is', async () => {
    const plan = ({ host }: { host?: Whose } = {}) =>
      Promise.resolve(host === '*' ? planOf('db1', 'db2') : planOf(undefined));
    const ofAll = await askPlan({ plan }, ['*'], 48);
    expect(ofAll.slots.map(({ host }) => host)).toEqual(['db2', 'db1']);
    const ofTwo = await askPlan({ plan }, ['db3', 'db4'], 48);
    expect(ofTwo.slots.map(({ host }) => host)).toEqual(['db3', 'db4']);
  });
});
