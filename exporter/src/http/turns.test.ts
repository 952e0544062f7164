import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

const told: string[] = [];

function work(name: string): { readonly begin: () => Promise<string>; readonly end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const begin = (): Promise<string> => {
    told.push(name);
    return promise;
  };
  return { begin, end: () => resolve(name) };
}

it('work of one name is done one after the other, failed or not, beside that of others', async () => {
  const turns = new Turns();
  const [first, second, other] = [work('first'), work('second'), work('other')];
  const failed = turns.take('a', async () => {
    await first.begin();
    throw new Error('it failed');
  });
  const followed = turns.take('a', second.begin);
  const beside = turns.take('b', other.begin);
  await Promise.resolve();
  expect(told).toEqual(['first', 'other']);
  expect(turns.waiting).toBe(3);
  other.end();
  expect(await beside).toBe('other');
  expect(told).toEqual(['first', 'other']);
  first.end();
  await expect(failed).rejects.toThrow('it failed');
  second.end();
  expect(await followed).toBe('second');
  expect(told).toEqual(['first', 'other', 'second']);
  expect(turns.waiting).toBe(0);
});
