import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesIn, put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { partialName } from '../../exporter/src/store/name.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { storeConformance, type StoreRig } from '../conformance/store.ts';
import { Disk, canMount } from './disks.ts';

function rigOn(root: string, dispose: () => void): Promise<StoreRig> {
  return Promise.resolve({
    open: () => new DirectoryStore('local', root),
    abandon(name, bytes) {
      leavePartial(root, name, bytes);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      dispose();
      return Promise.resolve();
    },
  });
}

function leavePartial(root: string, name: string, bytes: Uint8Array): void {
  const path = partialName(join(root, name), randomUUID());
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'lowtide-store-'));

storeConformance('a folder that is not there yet', () => {
  const work = newFolder();
  return rigOn(join(work, 'deep', 'backups'), () => rmSync(work, { recursive: true }));
});

storeConformance('a link to a folder', () => {
  const work = newFolder();
  mkdirSync(join(work, 'real'));
  symlinkSync('real', join(work, 'link'));
  return rigOn(join(work, 'link'), () => {
    expect(readdirSync(join(work, 'real')).length).toBeGreaterThan(0);
    rmSync(work, { recursive: true });
  });
});

describe.skipIf(!canMount)('without hard links (needs root to mount)', () => {
  storeConformance('exFAT', () => {
    const disk = Disk.exfat(128 * 1024 * 1024);
    return rigOn(join(disk.path, 'backups'), () => disk[Symbol.dispose]());
  });

  it('two writers of one name, of which one died while it took the name, get on after a sweep', async () => {
    using disk = Disk.exfat(16 * 1024 * 1024);
    const store = new DirectoryStore('local', disk.path);
    writeFileSync(join(disk.path, 'run-1.00000000-0000-0000-0000-000000000000.partial'), '');
    await expect(put(store, 'run-1', sampleBytes(9))).rejects.toMatchObject({ code: 'store_exists' });
    expect(await store.sweep('run-1')).toHaveLength(1);
    await put(store, 'run-1', sampleBytes(9));
    expect(readdirSync(disk.path)).toEqual(['run-1']);
  });
});

let root: string;
let store: Store;
beforeEach(() => {
  root = newFolder();
  store = new DirectoryStore('local', root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

describe('a folder of backups', () => {
  it('is closed to others, whatever the umask, and its objects are; a folder that was there keeps its mode', async () => {
    const old = process.umask(0);
    try {
      chmodSync(root, 0o755);
      const inner = new DirectoryStore('local', join(root, 'new', 'backups'));
      await put(inner, 'db-prod/one', sampleBytes(5));
      await put(inner, 'db-prod/one', sampleBytes(5), { replace: true });
    } finally {
      process.umask(old);
    }
    const mode = (path: string): string => (statSync(join(root, path)).mode & 0o777).toString(8);
    expect(['', 'new', 'new/backups', 'new/backups/db-prod', 'new/backups/db-prod/one'].map(mode)).toEqual([
      '755',
      '700',
      '700',
      '700',
      '600',
    ]);
  });

  it('locates an object by its absolute path', async () => {
    await put(store, 'db-prod/one', sampleBytes(5));
    expect(store.locate('db-prod/one')).toBe(join(root, 'db-prod', 'one'));
    expect(existsSync(store.locate('db-prod/one'))).toBe(true);
  });

  it('keeps no empty folder of a schedule, be it deleted, swept or never finished, but keeps its own', async () => {
    await put(store, 'a/b/one', sampleBytes(5));
    await store.delete('a/b/one');
    leavePartial(root, 'c/d/two', sampleBytes(5));
    await store.sweep('c/');
    const failing = new ReadableStream({ pull: () => Promise.reject(new Error('broken off')) });
    await expect(put(store, 'e/f/three', failing)).rejects.toThrow('broken off');
    expect(filesUnder(root)).toEqual([]);
  });

  it('leaves alone what others have put there', async () => {
    await put(store, 'db-prod/one', sampleBytes(5));
    for (const folder of ['lost+found', '.snapshot']) {
      mkdirSync(join(root, folder));
      writeFileSync(join(root, folder, 'file'), '');
      writeFileSync(join(root, folder, `file.${randomUUID()}.partial`), '');
    }
    const foreign = ['my notes.txt', 'download.partial', '.hidden', 'x..12345678.partial', 'dot.'];
    for (const name of foreign) writeFileSync(join(root, name), '');
    expect(spawnSync('mkfifo', [join(root, 'pipe')]).status).toBe(0);
    const before = filesUnder(root);
    expect(await namesIn(store, '')).toEqual(['db-prod/one']);
    expect(await store.sweep('')).toEqual([]);
    expect(filesUnder(root)).toEqual(before);
    await expect(read(store, 'pipe')).rejects.toMatchObject({ code: 'store_missing_object' });
  });

  it('follows links to folders and files, those that lead back to themselves only once', async () => {
    using elsewhere = new Elsewhere();
    await put(new DirectoryStore('other', elsewhere.path), 'b/one', sampleBytes(5));
    symlinkSync(elsewhere.path, join(root, 'db-prod'));
    symlinkSync(root, join(elsewhere.path, 'back'));
    symlinkSync('self', join(root, 'self'));
    symlinkSync('nowhere', join(root, 'dangling'));
    symlinkSync(join(elsewhere.path, 'b', 'one'), join(root, 'linked'));
    expect(await namesIn(store, '')).toEqual(['db-prod/b/one', 'linked']);
    await put(store, 'db-prod/two', sampleBytes(6));
    expect(await namesIn(store, 'db-prod/t')).toEqual(['db-prod/two']);
    expect(existsSync(join(elsewhere.path, 'two'))).toBe(true);
    await expect(put(store, 'dangling', sampleBytes(5))).rejects.toMatchObject({ code: 'store_exists' });
  });

  it('lists thousands of objects in order, by folder, and sweeps among them', async () => {
    const names: string[] = [];
    for (let folder = 0; folder < 20; folder += 1) {
      mkdirSync(join(root, `schedule-${folder}`));
      for (let index = 0; index < 250; index += 1) {
        names.push(`schedule-${folder}/run-${index}.age`, `schedule-${folder}/run-${index}.age.json`);
      }
    }
    for (const name of names) writeFileSync(join(root, name), name);
    leavePartial(root, 'schedule-7/run-250.age', sampleBytes(10));
    expect(await namesIn(store, '')).toEqual(names.toSorted());
    expect(await namesIn(store, 'schedule-1')).toHaveLength(11 * 500);
    expect(await namesIn(store, 'schedule-1/run-24')).toHaveLength(22);
    expect(await store.sweep('schedule-')).toEqual([expect.stringMatching(/^schedule-7\/run-250\.age\./)]);
  });

  it('leaves no file open, whether reads and writes end well or not', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const large = sampleBytes(3 * 1024 * 1024);
    await put(store, 'large', large);
    const before = open();
    for (let round = 0; round < 20; round += 1) {
      for await (const piece of store.get('large', { signal: new AbortController().signal })) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
      await expect(put(store, 'large', large)).rejects.toMatchObject({ code: 'store_exists' });
      await expect(put(store, 'new', failing(large))).rejects.toThrow('broken off');
      const early = new AbortController();
      const beginning = read(store, 'large', { signal: early.signal });
      early.abort(new Error('too early'));
      await expect(beginning).rejects.toThrow('too early');
      const stop = new AbortController();
      await expect(
        (async () => {
          const reading = store.get('large', { signal: stop.signal });
          for await (const piece of reading) stop.abort(new Error(`enough: ${piece.length}`));
        })(),
      ).rejects.toThrow('enough');
    }
    await expect.poll(open).toBeLessThanOrEqual(before);
  });
});

class Elsewhere implements Disposable {
  readonly path = newFolder();

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

async function* failing(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
  throw new Error('broken off');
}
