import { describe, expect, it } from 'vitest';
import { askedHosts } from './asked-hosts.ts';

describe('the hosts that a panel asks', () => {
  it.each([
    ['', [undefined]],
    [' , ', [undefined]],
    ['db1', ['db1']],
    ['db1, db2,db1', ['db1', 'db2']],
    ['*', ['*']],
    ['db1,*', ['*']],
    ['.+', ['*']],
  ])('by %j are %j', (option, asked) => {
    expect(askedHosts(option)).toEqual(asked);
  });
});
