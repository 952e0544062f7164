import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesIn, put, read, sampleBytes } from '../../exporter/src/store/conformance/bodies.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { partialName } from '../../exporter/src/store/name.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { Disk, canMount } from './disks.ts';

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-store-'));
  store = new DirectoryStore('local', root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

describe('a folder that cannot be written', () => {
  it('is refused where a file stands in its place', async () => {
    const path = join(root, 'file');
    writeFileSync(path, 'mine');
    const inFile = new DirectoryStore('local', path);
    const refused = {
      code: 'store_unavailable',
      hint: 'Move the file away, or give the store another path.',
    };
    const why = 'a file stands where a folder should be';
    await expect(put(inFile, 'a', sampleBytes(5))).rejects.toMatchObject({
      ...refused,
      message: `cannot write a to store local (${path}): ${why}`,
    });
    await expect(namesIn(inFile, '')).rejects.toMatchObject({
      ...refused,
      message: `cannot list store local (${path}): ${why}`,
    });
    await expect(inFile.sweep('')).rejects.toMatchObject(refused);
    await expect(inFile.check()).rejects.toMatchObject(refused);
  });

  it('is refused name by name where an object and a folder want the same', async () => {
    await put(store, 'a/b', sampleBytes(5));
    await expect(put(store, 'a', sampleBytes(6))).rejects.toMatchObject({ code: 'store_exists' });
    await expect(put(store, 'a', sampleBytes(6), { replace: true })).rejects.toMatchObject({
      code: 'store_exists',
    });
    await expect(put(store, 'a/b/c', sampleBytes(6))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(filesUnder(root)).toEqual(['a', 'a/b']);
    expect(await store.stat('a/b/c')).toBeUndefined();
    await store.delete('a/b/c');
    expect(await namesIn(store, 'a/b/')).toEqual([]);
  });

  it.skipIf(!canMount)('is denied to another user, who may still list what is his (needs root)', async () => {
    await put(store, 'closed/one', sampleBytes(5));
    await put(store, 'open/two', sampleBytes(5));
    chmodSync(root, 0o711);
    chmodSync(join(root, 'open'), 0o755);
    await asNobody(async () => {
      const denied = {
        code: 'store_denied',
        hint: 'The user that runs lowtide must be able to write to this folder.',
      };
      await expect(put(store, 'open/three', sampleBytes(5))).rejects.toMatchObject(denied);
      await expect(read(store, 'open/two')).rejects.toMatchObject(denied);
      await expect(read(store, 'closed/one')).rejects.toMatchObject(denied);
      await expect(store.stat('closed/one')).rejects.toMatchObject(denied);
      await expect(store.delete('open/two')).rejects.toMatchObject(denied);
      await expect(store.check()).rejects.toMatchObject(denied);
      await expect(namesIn(store, '')).rejects.toMatchObject(denied);
      await expect(namesIn(store, 'closed/')).rejects.toMatchObject(denied);
      // Nothing outside the folder that the prefix names is looked at.
      expect(await namesIn(store, 'open/')).toEqual(['open/two']);
      expect(await store.sweep('open/t')).toEqual([]);
    });
    expect(filesUnder(root)).toEqual(['closed', 'closed/one', 'open', 'open/two']);
  });

  it.skipIf(!canMount)(
    'is denied on a read-only disk, and can still be read (needs root to mount)',
    async () => {
      using disk = Disk.tmpfs('size=4m');
      const inner = new DirectoryStore('local', join(disk.path, 'backups'));
      await put(inner, 'db-prod/one', sampleBytes(5));
      writeFileSync(partialName(inner.locate('db-prod/two'), randomUUID()), 'torn');
      disk.makeReadOnly();
      const denied = { code: 'store_denied', message: expect.stringContaining('is read-only') as string };
      await expect(put(inner, 'db-prod/three', sampleBytes(5))).rejects.toMatchObject(denied);
      await expect(put(inner, 'db-prod/one', sampleBytes(5), { replace: true })).rejects.toMatchObject(
        denied,
      );
      await expect(put(inner, 'files/four', sampleBytes(5))).rejects.toMatchObject(denied);
      await expect(inner.delete('db-prod/one')).rejects.toMatchObject(denied);
      await expect(inner.sweep('db-prod/')).rejects.toMatchObject(denied);
      await expect(inner.check()).rejects.toMatchObject(denied);
      await expect(
        put(new DirectoryStore('local', join(disk.path, 'new')), 'a', sampleBytes(5)),
      ).rejects.toThrow('is read-only');
      expect(await read(inner, 'db-prod/one')).toEqual(sampleBytes(5));
      expect(await namesIn(inner, '')).toEqual(['db-prod/one']);
    },
  );
});

describe.skipIf(!canMount)('a disk that fills up (needs root to mount)', () => {
  it('keeps the old objects whole and nothing of the new one, and takes what fits afterwards', async () => {
    using disk = Disk.tmpfs('size=4m');
    const inner = new DirectoryStore('local', join(disk.path, 'backups'));
    const old = sampleBytes(1024 * 1024);
    await put(inner, 'db-prod/old', old);
    const freeBefore = (await inner.space())?.freeBytes;
    const full = {
      code: 'store_full',
      message: expect.stringMatching(/^cannot write \S+ to store local .*: no space is left$/) as string,
    };
    const large = sampleBytes(5 * 1024 * 1024, 2);
    await expect(put(inner, 'files/new', large)).rejects.toMatchObject(full);
    await expect(put(inner, 'db-prod/old', large, { replace: true })).rejects.toMatchObject(full);
    expect(filesUnder(join(disk.path, 'backups'))).toEqual(['db-prod', 'db-prod/old']);
    expect((await inner.space())?.freeBytes).toBe(freeBefore);
    expect((await read(inner, 'db-prod/old')).equals(old)).toBe(true);

    await put(inner, 'db-prod/old', old.subarray(1), { replace: true });
    await put(inner, 'files/new', old);
    expect(await namesIn(inner, '')).toEqual(['db-prod/old', 'files/new']);
  });

  it('says so also when it has room but holds no more files', async () => {
    using disk = Disk.tmpfs('size=4m,nr_inodes=8');
    const inner = new DirectoryStore('local', join(disk.path, 'backups'));
    const full = async (): Promise<unknown> => {
      for (let index = 0; ; index += 1) await put(inner, `db-prod/${index}`, sampleBytes(5));
    };
    await expect(full()).rejects.toMatchObject({ code: 'store_full' });
    expect(await inner.sweep('')).toEqual([]);
    const names = await namesIn(inner, '');
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect(await read(inner, name)).toEqual(sampleBytes(5));
  });
});

async function asNobody(action: () => Promise<void>): Promise<void> {
  process.setegid?.(65_534);
  process.seteuid?.(65_534);
  try {
    await action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
