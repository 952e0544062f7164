import { expect, it } from 'vitest';
import { InTurn } from './in-turn.ts';

it('does one after the other, also behind one that fails', async () => {
  const turns = new InTurn();
  const first = Promise.withResolvers<string>();
  const begun: number[] = [];
  const results = [
    turns.do(() => {
      begun.push(1);
      return first.promise;
    }),
    turns.do(() => {
      begun.push(2);
      return Promise.reject(new Error('no'));
    }),
    turns.do(() => {
      begun.push(3);
      return Promise.resolve('third');
    }),
  ];
  await Promise.resolve();
  expect(begun).toEqual([1]);
  first.resolve('first');
  expect(await Promise.allSettled(results)).toEqual([
    { status: 'fulfilled', value: 'first' },
    { status: 'rejected', reason: new Error('no') },
    { status: 'fulfilled', value: 'third' },
  ]);
  expect(begun).toEqual([1, 2, 3]);
});
