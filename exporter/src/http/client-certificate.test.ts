import { describe, expect, it } from 'vitest';
import { alternativeNames } from './client-certificate.ts';

describe('the names of a certificate', () => {
  it.each([
    ['', []],
    ['DNS:localhost, IP Address:127.0.0.1', ['localhost', '127.0.0.1']],
    ['IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:7', ['[::1]', '[2001:db8::7]']],
    ['URI:spiffe://a/b, email:a@b.example', ['spiffe://a/b', 'a@b.example']],
    // Whoever writes a comma into one name has not got two.
    ['DNS:"evil\\u002c DNS:good", DNS:c', ['evil, DNS:good', 'c']],
    ['DirName:"CN=x, DNS:good", DNS:c', ['c']],
  ])('%s are %j', (written, names) => {
    expect(alternativeNames(written)).toEqual(names);
  });
});
