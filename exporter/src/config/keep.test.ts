import { expect, it } from 'vitest';
import { keepIn } from './keep.ts';
import type { KeepConfig } from './schema.ts';

it.each<[string, KeepConfig | undefined, unknown, unknown]>([
  ['one rule for all', { last: 3 }, { last: 3 }, { last: 3 }],
  ['rules of a store', { last: 3, stores: { offsite: { monthly: 12 } } }, { last: 3 }, { monthly: 12 }],
  ['nothing', undefined, undefined, undefined],
  ['an empty map', {}, undefined, undefined],
  ['rules of one store alone', { stores: { offsite: { last: 1 } } }, undefined, { last: 1 }],
  ['an empty map of a store', { last: 3, stores: { offsite: {} } }, { last: 3 }, undefined],
])('%s keeps what it says in each store', (_, keep, local, offsite) => {
  expect(keepIn(keep, 'local')).toEqual(local);
  expect(keepIn(keep, 'offsite')).toEqual(offsite);
});

it('takes no word of the language for a store', () => {
  expect(keepIn({ last: 2, stores: {} }, 'constructor')).toEqual({ last: 2 });
});
