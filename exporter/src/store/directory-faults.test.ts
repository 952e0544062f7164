import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { steppingDisk } from '../../../test/crash/stepping-disk.ts';
import { StalledBody, bodyOf, namesIn, put, read, sampleBytes } from './conformance/bodies.ts';
import { DirectoryStore } from './directory.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-store-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const name = 'db-prod/run-1';
const old = sampleBytes(3000, 9);
const fresh = Buffer.concat([sampleBytes(1000, 1), sampleBytes(1001, 2)]);

const filesOnDisk = (): string[] => readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();

/** The steps of a put, with the one that failed; none did where there is no step of this number. */
async function putFailingAt(
  failing: number,
  code: string,
  options: { readonly replace?: boolean; readonly hardLinks?: boolean } = {},
): Promise<{ readonly failed: string | undefined; readonly refusal: unknown }> {
  let step = 0;
  let failed: string | undefined;
  const disk = steppingDisk(root, (what) => {
    step += 1;
    if (options.hardLinks === false && what.startsWith('link') && step !== failing) {
      throw Object.assign(new Error('EPERM: no links here'), { code: 'EPERM', syscall: 'link' });
    }
    if (step !== failing) return;
    failed = what;
    throw Object.assign(new Error(`${code}: by the test`), { code, syscall: 'test' });
  });
  const body = bodyOf([sampleBytes(1000, 1), sampleBytes(1001, 2)]);
  const refusal: unknown = await put(new DirectoryStore('local', root, disk), name, body, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { failed, refusal };
}

describe('a disk that fails at any step', () => {
  it.each([
    ['ENOSPC', 'store_full', false],
    ['EDQUOT', 'store_full', false],
    ['EFBIG', 'store_full', false],
    ['EACCES', 'store_denied', false],
    ['EROFS', 'store_denied', false],
    ['EIO', 'store_unavailable', true],
    ['ESTALE', 'store_unavailable', true],
    ['ENODEV', 'store_unavailable', false],
  ])(
    'with %s refuses the new object with %s, keeps nothing of it, and takes the next',
    async (code, as, retryable) => {
      const plain = new DirectoryStore('local', root);
      const failed: string[] = [];
      for (let step = 1; ; step += 1) {
        const result = await putFailingAt(step, code);
        if (result.failed === undefined) break;
        failed.push(result.failed);
        expect(result.refusal, result.failed).toMatchObject({
          code: as,
          retryable,
          message: expect.stringContaining(`cannot write ${name} to store local (${root}): `) as string,
        });
        expect(filesOnDisk(), result.failed).toEqual([]);
        await put(plain, name, fresh);
        await plain.delete(name);
      }
      expect(failed).toContain('sync db-prod/run-1.partial');
      expect(failed).toContain('link db-prod/run-1.partial as db-prod/run-1');
      expect(failed.at(-1)).toBe('sync folder db-prod');
      expect(await read(plain, name)).toEqual(fresh);
    },
  );

  it('keeps the old object until the new one has its name, and no partial', async () => {
    const plain = new DirectoryStore('local', root);
    const kept: string[] = [];
    for (let step = 1; ; step += 1) {
      await put(plain, name, old, { replace: true });
      const { failed, refusal } = await putFailingAt(step, 'ENOSPC', { replace: true });
      if (failed === undefined) break;
      expect(refusal, failed).toMatchObject({ code: 'store_full' });
      const left = await read(plain, name);
      kept.push(`${failed}: ${left.equals(old) ? 'old' : 'new'}`);
      if (!left.equals(old)) expect(left, failed).toEqual(fresh);
      expect(filesOnDisk(), failed).toEqual(['db-prod', name]);
    }
    expect(kept.filter((line) => line.endsWith('new'))).toEqual(['sync folder db-prod: new']);
    expect(kept).toHaveLength(11);
  });

  it.each(['EPERM', 'ENOTSUP', 'ENOSYS'])(
    'only by making no hard links (%s) does without them',
    async (code) => {
      const disk = steppingDisk(root, (step) => {
        if (step.startsWith('link')) throw Object.assign(new Error(code), { code, syscall: 'link' });
      });
      const store = new DirectoryStore('local', root, disk);
      await put(store, name, fresh);
      expect(filesOnDisk()).toEqual(['db-prod', name]);
      await expect(put(store, name, old)).rejects.toMatchObject({ code: 'store_exists' });
      expect(await read(store, name)).toEqual(fresh);
    },
  );

  it('and makes no hard links leaves at most the claim on the name, which a sweep removes', async () => {
    const plain = new DirectoryStore('local', root);
    const failed: string[] = [];
    for (let step = 1; ; step += 1) {
      const result = await putFailingAt(step, 'ENOSPC', { hardLinks: false });
      if (result.failed === undefined) break;
      failed.push(result.failed);
      if (result.refusal === undefined) {
        expect(result.failed).toBe('remove db-prod/run-1.partial');
        expect(await read(plain, name)).toEqual(fresh);
        expect(await plain.sweep(name)).toHaveLength(1);
        await plain.delete(name);
      } else expect(result.refusal, result.failed).toMatchObject({ code: 'store_full' });
      expect(filesOnDisk(), result.failed).toEqual([]);
    }
    expect(failed.slice(-6)).toEqual([
      'link db-prod/run-1.partial as db-prod/run-1',
      'create db-prod/run-1.partial',
      'after closing db-prod/run-1.partial',
      'rename db-prod/run-1.partial to db-prod/run-1',
      'sync folder db-prod',
      'remove db-prod/run-1.partial',
    ]);
  });

  it('and makes no hard links does not let a slow writer take the place of a quick one', async () => {
    const atClaim = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    let creations = 0;
    const slow = steppingDisk(root, async (step) => {
      if (step.startsWith('link'))
        throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' });
      if (!step.startsWith('create')) return;
      creations += 1;
      if (creations < 2) return;
      atClaim.resolve(undefined);
      await gate.promise;
    });
    const writing = put(new DirectoryStore('local', root, slow), name, old);
    await atClaim.promise;
    const quick = new DirectoryStore('local', root);
    await put(quick, name, fresh);
    gate.resolve(undefined);
    await expect(writing).rejects.toMatchObject({ code: 'store_exists' });
    expect(await read(quick, name)).toEqual(fresh);
    expect(filesOnDisk()).toEqual(['db-prod', name]);
  });

  it('in the middle of a long write, once only and in the background, is not overlooked', async () => {
    let flushes = 0;
    const disk = steppingDisk(root, (step) => {
      if (!step.startsWith('flush')) return;
      flushes += 1;
      if (flushes === 1) throw Object.assign(new Error('EIO: once'), { code: 'EIO', syscall: 'fdatasync' });
    });
    const piece = Buffer.alloc(8 * 1024 * 1024);
    const body = bodyOf(Array.from({ length: 10 }, () => piece));
    await expect(put(new DirectoryStore('local', root, disk), name, body)).rejects.toMatchObject({
      code: 'store_unavailable',
      retryable: true,
    });
    expect(flushes).toBe(1);
    expect(filesOnDisk()).toEqual([]);
  });
});

describe('a disk that is slow', () => {
  it('is not sent more than it has taken: the body waits', async () => {
    const atGate = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    const disk = steppingDisk(root, async (step) => {
      if (!step.startsWith('write on')) return;
      atGate.resolve(undefined);
      await gate.promise;
    });
    const body = new StalledBody(old, fresh, old, fresh);
    const writing = put(new DirectoryStore('local', root, disk), name, body);
    await atGate.promise;
    await new Promise(setImmediate);
    expect(body.asked).toBe(1);
    gate.resolve(undefined);
    await body.stalled;
    body.finish();
    await writing;
    expect(body.asked).toBe(5);
  });

  it('keeps nothing of what was stopped while its last bytes were flushed', async () => {
    const stop = new AbortController();
    const disk = steppingDisk(root, (step) => {
      if (step.startsWith('sync db-prod')) stop.abort(new Error('stop'));
    });
    const store = new DirectoryStore('local', root, disk);
    await expect(put(store, name, fresh, { signal: stop.signal })).rejects.toThrow('stop');
    expect(filesOnDisk()).toEqual([]);
  });
});

it('a folder that goes between being made and being written to is made again', async () => {
  let creations = 0;
  const disk = steppingDisk(root, (step) => {
    if (!step.startsWith('create')) return;
    creations += 1;
    if (creations <= 3) rmSync(join(root, 'db-prod'), { recursive: true });
  });
  const store = new DirectoryStore('local', root, disk);
  await put(store, name, fresh);
  expect([creations, await namesIn(store, '')]).toEqual([4, [name]]);
});

it('each folder on the way to an object is flushed into the one above before the object is named', async () => {
  const steps: string[] = [];
  const store = new DirectoryStore(
    'local',
    join(root, 'new', 'backups'),
    steppingDisk(root, (step) => void steps.push(step)),
  );
  await put(store, 'a/b/one', fresh);
  await put(store, 'a/b/two', fresh);
  const folders = steps.filter((step) => /folder|link/.test(step));
  expect(folders).toEqual([
    'make folder new/backups/a/b',
    'sync folder new/backups/a',
    'sync folder new/backups',
    'sync folder new',
    'sync folder .',
    'link new/backups/a/b/one.partial as new/backups/a/b/one',
    'sync folder new/backups/a/b',
    'make folder new/backups/a/b',
    'sync folder new/backups/a',
    'sync folder new/backups',
    'link new/backups/a/b/two.partial as new/backups/a/b/two',
    'sync folder new/backups/a/b',
  ]);
});
