import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHosts, parseDatabaseUrl, type DatabaseUrl } from './database-url.ts';

const parse = (text: string): DatabaseUrl => parseDatabaseUrl(text, ['postgres', 'postgresql']);
const nothing = { user: undefined, password: undefined, database: '', parameters: new Map() };
const at = (host: string, port?: number): Pick<DatabaseUrl, 'hosts'> => ({ hosts: [{ host, port }] });

describe('a database URL', () => {
  it.each<[text: string, is: Partial<DatabaseUrl>]>([
    ['postgres://', at('')],
    ['postgresql://db1', at('db1')],
    ['postgres://db1:5433/', at('db1', 5433)],
    ['postgres://db1:/app', { ...at('db1'), database: 'app' }],
    ['postgres://db1/app/x', { ...at('db1'), database: 'app/x' }],
    ['postgres:///app', { ...at(''), database: 'app' }],
    ['postgres://me@db1', { ...at('db1'), user: 'me' }],
    ['postgres://me:@db1', { ...at('db1'), user: 'me' }],
    ['postgres://:pw@db1', { ...at('db1'), password: 'pw' }],
    ['postgres://me:p:w@db1', { ...at('db1'), user: 'me', password: 'p:w' }],
    ['postgres://me:p@w@db1', { ...at('db1'), user: 'me', password: 'p@w' }],
    ['postgres://m%C3%A9:p%2Fw%20%25@db1', { ...at('db1'), user: 'mé', password: 'p/w %' }],
    ['postgres://me:a+b#c@db1', { ...at('db1'), user: 'me', password: 'a+b#c' }],
    ['postgres://[::1]/app', { ...at('::1'), database: 'app' }],
    ['postgres://[fe80::1%25eth0]:99/app', { ...at('fe80::1%eth0', 99), database: 'app' }],
    ['postgres://%2Frun%2Fpg:99/app', { ...at('/run/pg', 99), database: 'app' }],
    ['postgres://db1/a%20b', { ...at('db1'), database: 'a b' }],
    [
      'postgres://db1:1,[::2]:2,db3/app',
      {
        hosts: [
          { host: 'db1', port: 1 },
          { host: '::2', port: 2 },
          { host: 'db3', port: undefined },
        ],
        database: 'app',
      },
    ],
    [
      'postgres://db1?a=1&b=x%26y&c=p=q&d&&a=2',
      {
        ...at('db1'),
        parameters: new Map([
          ['a', '2'],
          ['b', 'x&y'],
          ['c', 'p=q'],
          ['d', ''],
        ]),
      },
    ],
  ])('is read as libpq reads it: %s', (text, is) => {
    expect(parse(text)).toEqual({ ...nothing, ...is });
  });

  it.each<[text: string, message: RegExp]>([
    ['', /does not start with postgres:\/\/ or postgresql:\/\//],
    ['mysql://db1/app', /does not start/],
    ['postgres:/db1', /does not start/],
    ['postgres://me:hush/hush@db1/app', /@ behind its first slash|host or port/],
    ['postgres://me:12/hush@db1/app', /@ behind its first slash/],
    ['postgres://me:hush?hush@db1/app', /host or port/],
    ['postgres://me:hush%zz@db1/app', /% that starts no/],
    ['postgres://me:hush%FF@db1/app', /% that starts no/],
    ['postgres://me:hush%00@db1/app', /zero byte/],
    ['postgres://me:hush%0Ahost=evil@db1/app', /line break/],
    ['postgres://db1:0/app', /port outside/],
    ['postgres://db1:65536/app', /port outside/],
    ['postgres://db1:hush/app', /host or port/],
    ['postgres://::1/app', /host or port/],
    ['postgres://[::1/app', /host or port/],
  ])('is refused without repeating any of it: %s', (text, message) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringMatching(message) as string,
        hint: expect.not.stringContaining('hush') as string,
      }),
    );
    expect(() => parse(text)).not.toThrow(/hush/);
  });

  it('carries any user, password, database and value that has no line break', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((t) => !/[\0\r\n]/.test(t));
    fc.assert(
      fc.property(text, text, text, text, (user, password, database, value) => {
        const e = encodeURIComponent;
        const url = parse(`postgres://${e(user)}:${e(password)}@db1:5432/${e(database)}?x=${e(value)}`);
        expect(url).toEqual({
          user,
          password,
          database,
          hosts: [{ host: 'db1', port: 5432 }],
          parameters: new Map([['x', value]]),
        });
      }),
    );
  });
});

describe('hosts in a label', () => {
  it('show their ports, and IPv6 addresses in brackets', () => {
    const { hosts } = parse('postgres://db1,[::1]:99');
    expect(formatHosts(hosts, 5432)).toBe('db1:5432,[::1]:99');
  });
});
