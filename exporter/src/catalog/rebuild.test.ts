import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../errors/lowtide-error.ts';
import { DirectoryStore } from '../store/directory.ts';
import { encodeManifest, manifestName, type Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import type { Catalog } from './catalog.ts';
import { rebuildCatalog, type RebuildProgress, type RebuildResult } from './rebuild.ts';
import { openSqliteCatalog } from './sqlite.ts';

const signal = new AbortController().signal;

let root: string;
let local: DirectoryStore;
let offsite: DirectoryStore;
let catalog: Catalog;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-rebuild-'));
  local = new DirectoryStore('local', join(root, 'local'));
  offsite = new DirectoryStore('offsite', join(root, 'offsite'));
  catalog = openSqliteCatalog(join(root, 'state'));
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

async function* body(bytes: Uint8Array | string): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Buffer.from(bytes));
}

function manifestOf(id: string, createdAt = '2026-03-03T12:00:00.000Z'): Manifest {
  const part = {
    role: 'main' as const,
    name: `db-prod/${id}.pgdump.zst.age`,
    format: 'pg_custom' as const,
    sizeBytes: 900,
    compressedBytes: 300,
    compressedSha256: '0'.repeat(64),
    payloadBytes: 304,
    payloadSha256: '1'.repeat(64),
    headerBytes: 96,
    headerSha256: '2'.repeat(64),
  };
  return {
    formatVersion: 1,
    id,
    instance: 'db-host-1',
    schedule: 'db-prod',
    type: 'database',
    source: { type: 'postgres', label: 'postgres://db1/app' },
    runId: `run-${id}`,
    startedAt: createdAt,
    createdAt,
    parts: [part, { ...part, role: 'globals', name: `db-prod/${id}.globals.sql.zst.age`, format: 'sql' }],
    keyId: 'key-0000000000aa',
    recipients: ['age1sample'],
    tools: {},
    warnings: [],
  };
}

async function store(into: Store, manifest: Manifest): Promise<void> {
  for (const part of manifest.parts) {
    await into.put(part.name, body(Buffer.alloc(part.headerBytes + part.payloadBytes)), { signal });
  }
  await into.put(manifestName(manifest), body(encodeManifest(manifest)), { signal });
}

function rebuild(...stores: Store[]): Promise<RebuildResult> {
  return rebuildCatalog(catalog, new Map(stores.map((each) => [each.id, each])), { signal });
}

const problems = (result: RebuildResult): unknown[] =>
  result.problems.map((problem) => [problem.store, problem.name, problem.error.code]);

describe('rebuilding the catalog', () => {
  it('finds every backup with its copies in all stores, and how far it is', async () => {
    for (const id of ['b1', 'b2', 'b3']) await store(local, manifestOf(id));
    await store(offsite, manifestOf('b2'));
    const progress: RebuildProgress[] = [];
    const stores = new Map<string, Store>([
      ['local', local],
      ['offsite', offsite],
    ]);
    const result = await rebuildCatalog(catalog, stores, {
      signal,
      onProgress: (step) => progress.push(step),
    });
    expect(result).toEqual({ good: 4, damaged: 0, problems: [] });
    expect(await catalog.backup('b2')).toMatchObject({
      status: 'completed',
      sizeBytes: 1800,
      storedBytes: 800,
      manifest: manifestOf('b2'),
      copies: [
        { store: 'local', path: local.locate('db-prod/b2.pgdump.zst.age'), status: 'good' },
        { store: 'offsite', path: offsite.locate('db-prod/b2.pgdump.zst.age'), status: 'good' },
      ],
    });
    expect((await catalog.totals()).bytesByStore).toEqual({ local: 2400, offsite: 800 });
    expect(progress.map((step) => `${step.store} ${step.done}/${step.total}`)).toEqual([
      'local 1/3',
      'local 2/3',
      'local 3/3',
      'offsite 1/1',
    ]);
  });

  it('changes nothing when done again', async () => {
    await store(local, manifestOf('b1'));
    await store(local, manifestOf('b2'));
    await local.delete('db-prod/b2.pgdump.zst.age');
    const first = await rebuild(local);
    const seen = [
      await catalog.backups({ limit: 10 }),
      await catalog.totals(),
      await catalog.eventsAfter(0, 10),
    ];
    expect(await rebuild(local)).toEqual(first);
    expect([
      await catalog.backups({ limit: 10 }),
      await catalog.totals(),
      await catalog.eventsAfter(0, 10),
    ]).toEqual(seen);
  });

  it('files a copy as damaged where any part is missing or has another size', async () => {
    await store(local, manifestOf('missing'));
    await local.delete('db-prod/missing.globals.sql.zst.age');
    await store(local, manifestOf('short'));
    await local.put('db-prod/short.pgdump.zst.age', body('x'.repeat(399)), { signal, replace: true });
    const result = await rebuild(local);
    expect(result).toMatchObject({ good: 0, damaged: 2 });
    expect(problems(result)).toEqual(
      expect.arrayContaining([
        ['local', 'db-prod/missing.pgdump.zst.age', 'store_missing_object'],
        ['local', 'db-prod/short.pgdump.zst.age', 'payload_invalid'],
      ]),
    );
    expect((await catalog.backup('short'))?.copies[0]).toMatchObject({
      status: 'damaged',
      error: 'db-prod/short.pgdump.zst.age has 399 bytes instead of 400',
    });
    expect((await catalog.totals()).bytesByStore).toEqual({ local: 0 });
  });

  it('takes a copy for good again when its missing part has been put back', async () => {
    await store(local, manifestOf('b1'));
    await local.delete('db-prod/b1.pgdump.zst.age');
    await rebuild(local);
    await local.put('db-prod/b1.pgdump.zst.age', body('x'.repeat(400)), { signal });
    expect(await rebuild(local)).toEqual({ good: 1, damaged: 0, problems: [] });
    expect((await catalog.backup('b1'))?.copies[0]).not.toHaveProperty('error');
  });

  it('reports what is no manifest though its name says so, passes over what is not ours, and goes on', async () => {
    await local.put('a-first/package.json', body('{"name":"somebody else\'s"}'), { signal });
    await local.put('broken.age.json', body('{"formatVersion":1,'), { signal });
    await local.put('bytes.age.json', body(new Uint8Array([0xff, 0xfe, 0])), { signal });
    await local.put('empty.age.json', body(''), { signal });
    await local.put('huge.age.json', body(' '.repeat(1024 * 1024 + 1)), { signal });
    const copied = manifestOf('copied');
    await local.put('elsewhere/copied.pgdump.zst.age.json', body(encodeManifest(copied)), { signal });
    await store(local, manifestOf('b1'));
    const result = await rebuild(local);
    expect(result).toMatchObject({ good: 1, damaged: 0 });
    expect(problems(result).sort()).toEqual(
      [
        'broken.age.json',
        'bytes.age.json',
        'elsewhere/copied.pgdump.zst.age.json',
        'empty.age.json',
        'huge.age.json',
      ].map((name) => ['local', name, 'manifest_invalid']),
    );
    expect((await catalog.backups({ limit: 10 })).map((backup) => backup.id)).toEqual(['b1']);
  });

  it('reports a manifest that claims the id of another backup', async () => {
    await store(local, manifestOf('b1'));
    await store(offsite, manifestOf('b1', '2026-03-04T12:00:00.000Z'));
    const result = await rebuild(local, offsite);
    expect(problems(result)).toEqual([['offsite', 'db-prod/b1.pgdump.zst.age.json', 'manifest_invalid']]);
    expect((await catalog.backup('b1'))?.copies.map((copy) => copy.store)).toEqual(['local']);
  });

  it('reports a store that cannot be read, and rebuilds from the others', async () => {
    await store(offsite, manifestOf('b1'));
    const down = new DirectoryStore('down', join(root, 'down'));
    down.list = () => {
      throw new LowtideError('store_unavailable', 'no route to host', { retryable: true });
    };
    const result = await rebuild(down, offsite);
    expect(result).toMatchObject({ good: 1 });
    expect(problems(result)).toEqual([['down', undefined, 'store_unavailable']]);
  });

  it('marks copies on file that have vanished from their store, and leaves other stores alone', async () => {
    await store(local, manifestOf('b1'));
    await store(offsite, manifestOf('b1'));
    await rebuild(local, offsite);
    for (const part of manifestOf('b1').parts) await local.delete(part.name);
    await local.delete(manifestName(manifestOf('b1')));
    const result = await rebuild(local);
    expect(result).toMatchObject({ good: 0, damaged: 1 });
    expect(problems(result)).toEqual([['local', 'db-prod/b1.pgdump.zst.age', 'store_missing_object']]);
    expect((await catalog.backup('b1'))?.copies.map((copy) => copy.status)).toEqual(['damaged', 'good']);
    expect((await catalog.totals()).bytesByStore).toEqual({ local: 0, offsite: 800 });
  });

  it('does not bring back what was pruned, for its manifest is gone', async () => {
    await store(local, manifestOf('b1'));
    await rebuild(local);
    await local.delete(manifestName(manifestOf('b1')));
    for (const part of manifestOf('b1').parts) await local.delete(part.name);
    await catalog.removeCopy('b1', 'local', 'expired', 1);
    expect(await rebuild(local)).toEqual({ good: 0, damaged: 0, problems: [] });
    expect((await catalog.backup('b1'))?.status).toBe('pruned');
  });

  it('reads through more backups than fit on one page', async () => {
    const ids = Array.from({ length: 501 }, (_, index) => `b${index}`);
    for (const id of ids)
      await catalog.adoptBackup(manifestOf(id), { store: 'local', path: `/${id}`, status: 'good' });
    await store(local, manifestOf('b0'));
    expect(await rebuild(local)).toMatchObject({ good: 1, damaged: 500 });
  });

  it('stops with the reason when it is told to, and can be done again', async () => {
    for (let index = 0; index < 30; index += 1) await store(local, manifestOf(`b${index}`));
    const abort = new AbortController();
    const stopped = rebuildCatalog(catalog, new Map([['local', local]]), {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    expect((await catalog.backups({ limit: 50 })).length).toBeLessThan(30);
    expect(await rebuild(local)).toMatchObject({ good: 30, damaged: 0, problems: [] });
  });
});
