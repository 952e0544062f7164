import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryStore } from '../directory.ts';
import type { Store } from '../store.ts';
import { bodyOf } from './bodies.ts';
import { checkStore, type StoreCheck } from './check.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-check-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const signal = new AbortController().signal;
const check = (open: () => Store, patienceMs = 15_000): Promise<StoreCheck> =>
  checkStore({ open, folder: '_check/one/', signal, patienceMs });
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.lowtide'))
    .map(({ name }) => name);

/** A store that does all but one thing. */
function without(store: Store, broken: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name: keyof Store): unknown {
      const own: unknown = Reflect.get(name in broken ? broken : target, name, target);
      return typeof own === 'function' ? (own as (...args: unknown[]) => unknown).bind(target) : own;
    },
  });
}

describe('the check of a store in use', () => {
  it('finds nothing wrong with a folder, and leaves what lies there as it was', async () => {
    const store = new DirectoryStore('local', root);
    await store.put('shop/kept', bodyOf([Buffer.from('kept')]), { signal });
    const { laws, leftBehind } = await check(() => new DirectoryStore('local', root));
    expect(laws.length).toBeGreaterThan(20);
    expect(laws.filter(({ broken }) => broken !== undefined)).toEqual([]);
    expect(leftBehind).toEqual([]);
    expect(filesIn(root)).toEqual(['kept']);
  });

  it('names what a store does not do, and goes on to the other laws', async () => {
    const { laws } = await check(() => {
      const store = new DirectoryStore('local', root);
      // A bucket that takes a name twice, as some do that do not know If-None-Match.
      return without(store, {
        put: (name, body, options) => store.put(name, body, { ...options, replace: true }),
      });
    }, 2000);
    const broken = laws.filter((law) => law.broken !== undefined).map(({ says }) => says);
    expect(broken).toContain(
      'refuses a name that is taken without reading the body, and keeps what is there',
    );
    expect(broken.length).toBeLessThan(laws.length / 2);
    expect(filesIn(root)).toEqual([]);
  });

  it('tells what it could not delete', async () => {
    const store = new DirectoryStore('local', root);
    const { leftBehind } = await check(() => without(store, { delete: () => Promise.resolve() }));
    expect(leftBehind.length).toBeGreaterThan(0);
    expect(leftBehind.every((name) => name.startsWith('_check/one/'))).toBe(true);
  });

  it('does not begin with a store that cannot be reached', async () => {
    const store = new DirectoryStore('local', join(root, 'file', 'below'));
    rmSync(root, { recursive: true });
    await expect(
      check(() => without(store, { check: () => Promise.reject(new Error('gone')) })),
    ).rejects.toThrow('gone');
    root = mkdtempSync(join(tmpdir(), 'lowtide-check-'));
  });
});
