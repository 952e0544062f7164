import { createInterface } from 'node:readline';
import type { Lease } from '../../exporter/src/fleet/fleet.ts';
import { openFleet } from '../../exporter/src/fleet/postgres-fleet.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { openPostgres } from '../../exporter/src/postgres/postgres.ts';

/**
 * A host of a fleet as a process, told line by line what to do; it says `ok` or the code of what it was refused with. The first
 * line is the database's URL, how long its leases last, and how far its clock is off.
 */
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { url, ttlMs, skewMs } = JSON.parse(String((await lines.next()).value)) as {
  url: string;
  ttlMs: number;
  skewMs: number;
};

const now = Date.now.bind(Date);
Date.now = () => now() + skewMs;

await using postgres = openPostgres(url, { applicationName: 'lowtide child' });
const fleet = await openFleet(postgres);
let lease: Lease | undefined;

const held = (): Lease => {
  if (lease === undefined) throw new Error('told to use a lease that it does not have');
  return lease;
};

const commands: Record<string, (argument: string) => Promise<string | undefined>> = {
  async enter(instance) {
    const host = { instance, version: '1', address: `http://${process.pid}`, pools: [] };
    lease = await fleet.enter(host, String(process.pid), ttlMs);
    return `token ${lease.token}`;
  },
  async acquire(name) {
    lease = await fleet.leases.acquire(name, String(process.pid), ttlMs);
    return lease === undefined ? 'held by another' : `token ${lease.token}`;
  },
  async renew() {
    await fleet.leases.renew(held(), ttlMs);
    return undefined;
  },
  /** Renews for as long as it lives. */
  keep() {
    setInterval(() => void fleet.leases.renew(held(), ttlMs), ttlMs / 4);
    return Promise.resolve(undefined);
  },
  async write(what) {
    await postgres.write(async (transaction) => {
      await fleet.leases.assertHeld(transaction, held());
      await transaction.run('INSERT INTO public.written VALUES (?)', what);
    });
    return undefined;
  },
};

for await (const line of lines) {
  const [command = '', argument = ''] = line.split(' ');
  try {
    process.stdout.write(`${(await commands[command]?.(argument)) ?? 'ok'}\n`);
  } catch (error) {
    process.stdout.write(`${LowtideError.from(error).code}\n`);
  }
}
process.exit();
