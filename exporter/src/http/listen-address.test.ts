import { describe, expect, it } from 'vitest';
import { formatHostPort, parseListenAddress } from './listen-address.ts';

describe('a listen address', () => {
  it.each([
    ['127.0.0.1:10210', { host: '127.0.0.1', port: 10_210 }],
    [':10210', { port: 10_210 }],
    ['[::1]:10210', { host: '::1', port: 10_210 }],
    ['[::]:0', { host: '::', port: 0 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['db-1.example.org:1', { host: 'db-1.example.org', port: 1 }],
  ])('%s is read', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each([
    '',
    '10210',
    'localhost',
    'localhost:',
    '::1:10210',
    '[::1]',
    '[]:1',
    '[1.2.3.4]:1',
    ':65536',
    ':-1',
    'a b:1',
    'http://x:1',
    ':1\n',
  ])('%j is refused, with examples of what would be right', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        hint: expect.stringContaining('[::1]:10210') as string,
      }),
    );
  });

  it.each([
    ['127.0.0.1', '127.0.0.1:1'],
    ['::1', '[::1]:1'],
  ])('is written with %s as %s', (host, written) => {
    expect(formatHostPort(host, 1)).toBe(written);
  });
});
