import { randomUUID } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Store } from './store.ts';

/** Writes, reads back and removes an object. Throws the store's own refusal. */
export async function probe(store: Store, remove: (name: string) => Promise<void>): Promise<void> {
  const name = `probe-${randomUUID()}`;
  const bytes = new TextEncoder().encode(name);
  const signal = AbortSignal.timeout(30_000);
  await store.put(name, once(bytes), { signal });
  try {
    const back = await Array.fromAsync(store.get(name, { signal }));
    if (!Buffer.concat(back).equals(bytes)) {
      throw new LowtideError(
        'store_unavailable',
        `store ${store.id} gave back other bytes than were written`,
      );
    }
  } finally {
    await remove(name);
  }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
