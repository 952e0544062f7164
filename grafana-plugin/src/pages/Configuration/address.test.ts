import { expect, it } from 'vitest';
import { addressMistake } from './address.ts';

it.each([
  ['', undefined],
  ['http://db-host-1:10210', undefined],
  [' https://backups.example.org/lowtide ', undefined],
  ['db-host-1:10210', 'config.noScheme'],
  ['ftp://db-host-1', 'config.noScheme'],
  ['http://', 'config.noAddress'],
  ['http://ann:secret@db-host-1', 'config.noCredentials'],
  ['http://db-host-1:10210/api/v1', 'config.noPath'],
  ['http://db-host-1:10210/', 'config.noPath'],
  ['http://db-host-1?x=1', 'config.noPath'],
])('the address %j is told %j', (address, mistake) => {
  expect(addressMistake(address)).toBe(mistake);
});
