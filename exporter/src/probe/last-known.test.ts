import { expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { lastKnown } from './last-known.ts';

const away = new LowtideError('state_unavailable', 'nobody answers', { retryable: true });
const damaged = new LowtideError('state_invalid', 'damaged');

it('asks each time, and gives the last answer while the state is away', async () => {
  let says: () => Promise<number> = () => Promise.resolve(1);
  const ask = lastKnown(
    () => says(),
    (last) => last + 100,
  );
  expect(await ask()).toBe(1);
  says = () => Promise.resolve(2);
  expect(await ask()).toBe(2);
  says = () => Promise.reject(away);
  expect([await ask(), await ask()]).toEqual([102, 102]);
  says = () => Promise.resolve(3);
  expect(await ask()).toBe(3);
});

it('rejects where there was no answer yet, and with whatever else is wrong', async () => {
  let error = away;
  const ask = lastKnown<number>(() => Promise.reject(error));
  await expect(ask()).rejects.toBe(away);
  error = damaged;
  await expect(ask()).rejects.toBe(damaged);
});
