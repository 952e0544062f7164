import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatOptionFile, parseMysqlUrl } from './connection.ts';

const options = (url: string, flavor: 'mariadb' | 'mysql' = 'mariadb'): Record<string, string | undefined> =>
  Object.fromEntries(parseMysqlUrl(url).options(flavor));

describe('a MySQL URL', () => {
  it.each<[url: string, label: string, options: Record<string, string | undefined>]>([
    [
      'mysql://me:pw@db1:3307/app',
      'mysql://db1:3307/app',
      { host: 'db1', port: '3307', protocol: 'tcp', user: 'me', password: 'pw' },
    ],
    ['mariadb://db1/app', 'mysql://db1:3306/app', { host: 'db1' }],
    ['mysql:///app', 'mysql://localhost:3306/app', {}],
    ['mysql://[::1]:1/app', 'mysql://[::1]:1/app', { host: '::1', port: '1', protocol: 'tcp' }],
    [
      'mysql://localhost/app?socket=/run/my.sock',
      'mysql:///app?socket=/run/my.sock',
      { host: 'localhost', socket: '/run/my.sock' },
    ],
    [
      'mysql://db1/app?ssl-ca=/ca.pem&ssl-mode=preferred',
      'mysql://db1:3306/app',
      { host: 'db1', 'ssl-ca': '/ca.pem' },
    ],
  ])('becomes options and a label: %s', (url, label, expected) => {
    expect(parseMysqlUrl(url).label).toBe(label);
    expect(options(url)).toEqual(expected);
  });

  it.each<[mode: string, mariadb: readonly string[], requiresTls: boolean]>([
    ['disabled', ['skip-ssl'], false],
    ['preferred', [], false],
    ['required', ['ssl', 'skip-ssl-verify-server-cert'], true],
    ['verify_ca', ['ssl', 'ssl-verify-server-cert'], true],
    ['VERIFY-IDENTITY', ['ssl', 'ssl-verify-server-cert'], true],
  ])('says ssl-mode=%s in the words of either family of programs', (mode, mariadb, requiresTls) => {
    const url = `mysql://db1/app?ssl-mode=${mode}`;
    expect(Object.keys(options(url)).filter((name) => name !== 'host')).toEqual(mariadb);
    expect(options(url, 'mysql')).toEqual({ host: 'db1', 'ssl-mode': mode.toUpperCase().replace('-', '_') });
    expect(parseMysqlUrl(url).requiresTls).toBe(requiresTls);
  });

  it.each([
    ['mysql://me:hush@db1', /names no database/],
    ['mysql://me:hush@db1,db2/app', /several hosts/],
    ['mysql://me:hush@db1/app?charset=utf8', /not known: charset/],
    ['mysql://me:hush@db1/app?ssl-mode=maybe', /unknown ssl-mode/],
    ['postgres://me:hush@db1/app', /does not start/],
  ])('is refused: %s', (url, message) => {
    expect(() => parseMysqlUrl(url)).toThrow(message);
    expect(() => parseMysqlUrl(url)).not.toThrow(/hush/);
  });
});

describe('an option file', () => {
  it('quotes what the programs would take for a comment, a quote or an escape', () => {
    const file = formatOptionFile(
      new Map([
        ['password', ' a#b"c\\d\'e '],
        ['ssl', undefined],
      ]),
    );
    expect(file).toBe('[client]\npassword=" a#b\\"c\\\\d\'e "\nssl\n');
  });

  it('has one line an option, whatever stands in it', () => {
    const value = fc.string({ unit: 'binary' }).filter((text) => !/[\0\r\n]/.test(text));
    fc.assert(
      fc.property(value, (text) => {
        const [group, line = '', ...rest] = formatOptionFile(new Map([['password', text]])).split('\n');
        expect([group, ...rest]).toEqual(['[client]', '']);
        const inner = line.slice('password="'.length, -1);
        expect(inner.replaceAll(/\\(.)/gu, '$1')).toBe(text);
        expect(inner.replaceAll(/\\./gu, '')).not.toContain('"');
      }),
    );
  });
});
