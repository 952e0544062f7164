import { setTimeout as delay } from 'node:timers/promises';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Store } from '../store.ts';
import { storeLaws } from './conformance.ts';

export interface LawCheck {
  /** The law, as a sentence about the store. */
  readonly says: string;
  /** How it was broken; absent where it holds. */
  readonly broken?: string;
}

export interface StoreCheckOptions {
  /** Opens the store; called twice, for one process's view and another's. */
  readonly open: () => Store;
  /** A prefix that ends with `/`, under which nothing lies. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** How long a law may take: one that is broken may wait for what never comes. */
  readonly patienceMs: number;
  readonly onLaw?: (check: LawCheck) => void;
}

export interface StoreCheck {
  readonly laws: readonly LawCheck[];
  /** Objects of the check that could not be deleted, as locked ones. */
  readonly leftBehind: readonly string[];
}

/** Tries on a store in use what every store promises, below a folder of its own, which is empty again afterwards. */
export async function checkStore(options: StoreCheckOptions): Promise<StoreCheck> {
  const { open, folder, signal, patienceMs, onLaw } = options;
  const store = open();
  const elsewhere = open();
  // One that cannot be reached at all would break every law in the same way.
  await store.check();
  const laws: LawCheck[] = [];
  try {
    for (const [index, { says, hold }] of storeLaws.entries()) {
      signal.throwIfAborted();
      const holding = hold({ store, elsewhere, folder: `${folder}law-${index}/` });
      const broken = await howBroken(holding, patienceMs);
      const check = { says, ...(broken !== undefined && { broken }) };
      laws.push(check);
      onLaw?.(check);
    }
  } finally {
    await store.sweep(folder);
    for await (const { name } of store.list(folder)) await store.delete(name).catch(() => undefined);
  }
  const left = await Array.fromAsync(store.list(folder));
  return { laws, leftBehind: left.map(({ name }) => name) };
}

async function howBroken(holding: Promise<void>, patienceMs: number): Promise<string | undefined> {
  const enough = new AbortController();
  const late = delay(patienceMs, `it has not ended after ${patienceMs / 1000} s`, { signal: enough.signal });
  const held = holding.then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof Error ? thrown : LowtideError.from(thrown)).message,
  );
  try {
    return await Promise.race([held, late]);
  } finally {
    enough.abort();
    await late.catch(() => undefined);
  }
}
