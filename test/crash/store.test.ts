import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesIn, put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { TestChild } from './children.ts';

let work: string;
let folder: string;
let store: DirectoryStore;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-crash-'));
  folder = join(work, 'backups');
  store = new DirectoryStore('local', folder);
});
afterEach(() => rmSync(work, { recursive: true }));

const child = (...args: string[]): TestChild => new TestChild('store-child.ts', args);

/** Everything below the folder, also what a store does not show; folders end with `/`. */
function onDisk(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        join(entry.parentPath, entry.name).slice(folder.length + 1) + (entry.isDirectory() ? '/' : ''),
    )
    .sort();
}

const partials = (): string[] => onDisk().filter((name) => name.endsWith('.partial'));

describe('a writer that is killed with kill -9', () => {
  it('leaves every object whole, every promised one in place, and nothing that a sweep does not find', async () => {
    let torn = 0;
    let promisedInAll = 0;
    // On a fast disk few kills hit a file that is only begun.
    for (let round = 0; round < 30 || (torn <= 5 && round < 200); round += 1) {
      const name = `writer-${round}`;
      await using writer = child('go', folder, name);
      await writer.written(2 + (round % 7) * 3);
      await delay(round % 10);
      await writer.kill();

      const promised = new Set<string>();
      let doomed: string | undefined;
      let newest = -1;
      for (const line of writer.lines) {
        const [word, what = ''] = line.split(' ');
        if (word === 'put') promised.add(what);
        if (word === 'newest') newest = Number(what);
        if (word === 'deleting') doomed = what;
        if (word === 'deleted') promised.delete(what);
      }
      torn += partials().length;
      const visible = await namesIn(store, `${name}/`);
      for (const each of visible) {
        const bytes = readFileSync(join(folder, each));
        const [, index, size] = /run-(\d+)\.(\d+)$/.exec(each) ?? [];
        if (index === undefined) {
          expect(bytes.length - 50_000).toBeGreaterThanOrEqual(newest);
          expect(bytes.length - 50_000).toBeLessThanOrEqual(newest + 1);
          expect(bytes.equals(sampleBytes(bytes.length, bytes.length - 50_000))).toBe(true);
        } else expect(bytes.equals(sampleBytes(Number(size), Number(index))), each).toBe(true);
      }
      for (const each of promised) if (each !== doomed) expect(visible).toContain(each);
      if (newest >= 0) expect(visible).toContain(`${name}/newest.json`);
      promisedInAll += promised.size;

      expect(await store.sweep(`${name}-other`)).toEqual([]);
      const swept = await store.sweep(`${name}/`);
      expect(partials()).toEqual([]);
      expect(swept.length).toBeLessThanOrEqual(1);
      expect(await namesIn(store, `${name}/`)).toEqual(visible);
    }
    expect(torn).toBeGreaterThan(5);
    expect(promisedInAll).toBeGreaterThan(60);
  });
});

const name = 'db-prod/run-1';
const old = sampleBytes(3000, 9);
const fresh = Buffer.concat([sampleBytes(1000, 1), sampleBytes(1001, 2)]);

/** What a dead writer leaves between its last two steps: a partial with a second name. */
async function givenLeftovers(): Promise<void> {
  await put(store, 'db-prod/whole', old);
  linkSync(
    join(folder, 'db-prod/whole'),
    join(folder, `db-prod/whole.${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}.partial`),
  );
  mkdirSync(join(folder, 'db-prod/sub'));
  writeFileSync(join(folder, 'db-prod/sub/torn.0e9a5a5c-2f57-4d0c-9f0e-0a1b2c3d4e5f.partial'), 'torn');
}

/** Does the work in a child that is killed before each of its steps in turn. */
async function killedAtEach(
  task: string,
  given: () => Promise<unknown>,
  after: (step: string) => Promise<void>,
): Promise<string[]> {
  for (let step = 1; ; step += 1) {
    rmSync(folder, { recursive: true, force: true });
    await given();
    await using doer = child('once', folder, task, String(step));
    await doer.written(step);
    if (doer.lines.length < step) {
      expect(await doer.ended()).toBe(0);
      return doer.lines;
    }
    await doer.kill();
    await after(doer.lines.at(-1) ?? '');
  }
}

describe('a process that is killed before any step', () => {
  it('of writing a new object leaves it whole or not at all, and the name can be had', async () => {
    const seen: string[] = [];
    const steps = await killedAtEach(
      'put',
      () => Promise.resolve(),
      async (step) => {
        const visible = (await store.stat(name)) !== undefined;
        seen.push(`${step}: ${visible ? 'whole' : 'absent'}`);
        if (visible) expect((await read(store, name)).equals(fresh), step).toBe(true);
        else expect(await namesIn(store, ''), step).toEqual([]);
        const left = partials().length;
        expect(await store.sweep(name), step).toHaveLength(left);
        expect(
          onDisk().filter((each) => !each.endsWith('/')),
          step,
        ).toEqual(visible ? [name] : []);
        if (!visible) await put(store, name, fresh);
        expect((await read(store, name)).equals(fresh), step).toBe(true);
      },
    );
    expect(seen).toEqual([
      'make folder db-prod: absent',
      'sync folder .: absent',
      'sync folder ..: absent',
      'create db-prod/run-1.partial: absent',
      'write db-prod/run-1.partial: absent',
      'write on db-prod/run-1.partial: absent',
      'write db-prod/run-1.partial: absent',
      'write on db-prod/run-1.partial: absent',
      'sync db-prod/run-1.partial: absent',
      'after closing db-prod/run-1.partial: absent',
      'link db-prod/run-1.partial as db-prod/run-1: absent',
      'remove db-prod/run-1.partial: whole',
      'sync folder db-prod: whole',
    ]);
    expect(steps).toHaveLength(seen.length);
  });

  it('of replacing an object leaves the old or the new one, whole', async () => {
    const seen: string[] = [];
    await killedAtEach(
      'replace',
      () => put(store, name, old),
      async (step) => {
        const found = await read(store, name);
        expect(found.equals(old) || found.equals(fresh), step).toBe(true);
        seen.push(`${step}: ${found.equals(old) ? 'old' : 'new'}`);
        await store.sweep(name);
        expect(onDisk(), step).toEqual(['db-prod/', name]);
        expect((await read(store, name)).equals(found), step).toBe(true);
      },
    );
    expect(seen).toEqual([
      'make folder db-prod: old',
      'sync folder .: old',
      'create db-prod/run-1.partial: old',
      'write db-prod/run-1.partial: old',
      'write on db-prod/run-1.partial: old',
      'write db-prod/run-1.partial: old',
      'write on db-prod/run-1.partial: old',
      'sync db-prod/run-1.partial: old',
      'after closing db-prod/run-1.partial: old',
      'rename db-prod/run-1.partial to db-prod/run-1: old',
      'sync folder db-prod: new',
    ]);
  });

  it('of deleting an object leaves it whole or not at all, and the deletion can be finished', async () => {
    const seen: string[] = [];
    await killedAtEach(
      'delete',
      () => put(store, name, old),
      async (step) => {
        const visible = (await store.stat(name)) !== undefined;
        seen.push(`${step}: ${visible ? 'whole' : 'absent'}`);
        if (visible) expect((await read(store, name)).equals(old), step).toBe(true);
        await store.delete(name);
        expect(onDisk(), step).toEqual([]);
      },
    );
    expect(seen).toEqual([
      'remove db-prod/run-1: whole',
      'sync folder db-prod: absent',
      'remove folder db-prod: absent',
    ]);
  });

  it('of a sweep leaves whole objects whole, and the next sweep finishes', async () => {
    const steps = await killedAtEach('sweep', givenLeftovers, async (step) => {
      expect(await namesIn(store, ''), step).toEqual(['db-prod/whole']);
      expect((await read(store, 'db-prod/whole')).equals(old), step).toBe(true);
      await store.sweep('db-prod/');
      expect(partials(), step).toEqual([]);
      expect((await read(store, 'db-prod/whole')).equals(old), step).toBe(true);
    });
    expect(steps).toContain('remove db-prod/whole.partial');
    expect(steps).toContain('remove db-prod/sub/torn.partial');
  });
});
