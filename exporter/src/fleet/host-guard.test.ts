import { expect, it, vi } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { NativeTransaction, Postgres } from '../postgres/postgres.ts';
import type { Leases } from './fleet.ts';
import { HostGuard } from './host-guard.ts';

const lease = { name: 'host/db1', holder: 'home', token: 1 };
const lost = new LowtideError('lease_lost', 'another process has it');

it('asks PostgreSQL before what cannot be undone, once it was not heard of for half a minute', async () => {
  let now = 0;
  const assertNotTaken = vi.fn<Leases['assertNotTaken']>().mockResolvedValue();
  const postgres = {
    write: (work: (transaction: NativeTransaction) => unknown) => work({} as NativeTransaction),
  };
  const guard = new HostGuard(postgres as Postgres, { assertNotTaken } as unknown as Leases, () => now);
  now = 100_000;
  await guard.assertNow();
  expect(assertNotTaken).not.toHaveBeenCalled();

  guard.hold(lease);
  now += 29_999;
  await guard.assertNow();
  expect(assertNotTaken).not.toHaveBeenCalled();
  now += 1;
  await guard.assertNow();
  await guard.assertNow();
  expect(assertNotTaken).toHaveBeenCalledTimes(1);

  guard.confirmed(now);
  now += 600_000;
  assertNotTaken.mockRejectedValue(lost);
  await expect(guard.assertNow()).rejects.toBe(lost);
});
