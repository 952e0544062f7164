import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newManifest, newRun } from '../../../test/conformance/catalog-samples.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { openSqliteCatalog } from '../catalog/sqlite.ts';
import { backupIdOf, objectPrefixOf } from '../run/backup-id.ts';
import { DirectoryStore } from '../store/directory.ts';
import { encodeManifest, manifestName, type Manifest } from '../store/manifest.ts';
import { judgeStray, judgeUnfinished } from './orphan-verdict.ts';
import { pruneOrphans, type OrphanReport } from './orphans.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.UTC(2026, 10, 24, 12);
const { signal } = new AbortController();

let work: string;
let catalog: Catalog;
let local: DirectoryStore;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'lowtide-orphans-'));
  catalog = openSqliteCatalog(join(work, 'state'));
  local = new DirectoryStore('local', join(work, 'local'));
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(work, { recursive: true });
});

function put(name: string, ageMs: number, content: string | Uint8Array = 'x'.repeat(100)): void {
  const path = join(work, 'local', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, (now - ageMs) / 1000, (now - ageMs) / 1000);
}

let made = 0;
function manifestOf(ageMs: number, schedule = 'db'): Manifest {
  const id = backupIdOf(schedule, now - ageMs, Buffer.from([0, 0, (made += 1) % 256]));
  const sample = newManifest(id, { schedule, createdAt: now - ageMs, payloadBytes: 4 });
  return { ...sample, parts: [{ ...sample.parts[0], headerBytes: 96 }] };
}

/** What a run leaves of a backup; gives its data's name. */
async function given(
  ageMs: number,
  has: { data?: boolean; manifest?: boolean; onFile?: boolean; schedule?: string } = {},
): Promise<string> {
  const { data = true, manifest = true, onFile = false, schedule } = has;
  const described = manifestOf(ageMs, schedule);
  const name = described.parts[0].name;
  if (data) put(name, ageMs);
  if (manifest) put(manifestName(described), ageMs, encodeManifest(described));
  if (onFile) await catalog.adoptBackup(described, { store: 'local', path: '/x', status: 'good' });
  return name;
}

function look(remove = false): Promise<OrphanReport> {
  return pruneOrphans({ catalog, stores: new Map([['local', local]]), remove, safeAgeMs: day, now, signal });
}

async function names(): Promise<string[]> {
  return (await Array.fromAsync(local.list(''))).map(({ name }) => name);
}

const verdicts = ({ orphans }: OrphanReport): unknown[] =>
  orphans.map((orphan) => [orphan.kind, orphan.remove, orphan.names[0], orphan.sizeBytes]);

describe('orphans', () => {
  it('are none where a copy is being made good, though a prune of it had been cut off', async () => {
    await given(hour, { onFile: true });
    const manifest = manifestOf(3 * day);
    for (const store of ['local', 'offsite']) {
      await catalog.adoptBackup(manifest, { store, path: '/x', status: 'good' });
    }
    await catalog.removeCopy(manifest.id, 'local', 'it was damaged', now - 2 * day);
    const data = manifest.parts[0].name;
    put(data, 3 * day);
    put(`${data}.00000000-0000-4000-8000-000000000000.partial`, 2 * day);
    expect((await look()).orphans.map(({ kind, remove }) => [kind, remove])).toEqual([
      ['half_removed', true],
      ['unfinished_write', true],
    ]);
    await catalog.copies.claim(manifest.id, 'local', '/x');
    expect((await look(true)).orphans).toEqual([]);
    expect(await names()).toContain(data);
  });

  it('are shown with their size and left, and removed only where that is asked for', async () => {
    const data = await given(3 * day, { manifest: false });
    const bare = await given(3 * day, { data: false });
    const kept = await given(hour, { onFile: true });
    const partial = `${data}.00000000-0000-4000-8000-000000000000.partial`;
    put(partial, 2 * day);
    const shown = await look();
    expect(verdicts(shown)).toEqual([
      ['data_without_manifest', true, data, 100],
      ['manifest_without_data', true, `${bare}.json`, expect.any(Number)],
      ['unfinished_write', true, partial, 100],
    ]);
    expect(shown).toMatchObject({ removed: 0, freedBytes: 0, problems: [] });
    expect(await names()).toHaveLength(4);
    const removed = await look(true);
    expect(removed.orphans).toEqual(shown.orphans);
    expect(removed).toMatchObject({ removed: 3, problems: [] });
    expect(await names()).toEqual([kept, `${kept}.json`]);
    expect(await Array.fromAsync(local.unfinished(''))).toEqual([]);
    expect((await look(true)).orphans).toEqual([]);
  });

  it('never include a backup that only the catalog does not know: it is told how it comes back', async () => {
    await given(hour, { onFile: true });
    const lost = await given(9 * day);
    const { orphans } = await look(true);
    expect(orphans).toMatchObject([{ kind: 'not_on_file', remove: false, names: [lost, `${lost}.json`] }]);
    expect(orphans[0]?.reason).toContain('lowtide catalog rebuild');
    expect(await names()).toHaveLength(4);
  });

  it('stay while they are young, or dated in the future by a clock that is ahead', async () => {
    await given(hour / 2, { onFile: true });
    const dataOf: string[] = [];
    for (const age of [23 * hour, hour, -5 * day]) dataOf.push(await given(age, { manifest: false }));
    put(`${dataOf[0] ?? ''}.00000000-0000-4000-8000-000000000000.partial`, 23 * hour);
    const { orphans, removed } = await look(true);
    expect(removed).toBe(0);
    expect(orphans.map(({ remove }) => remove)).toEqual([false, false, false, false]);
    expect(await names()).toHaveLength(5);
  });

  it('stay where no newer good backup of their schedule lies whole in a store', async () => {
    await given(hour, { onFile: true, schedule: 'other' });
    await given(9 * day, { onFile: true });
    const newest = await given(2 * day, { manifest: false });
    await catalog.adoptBackup(manifestOf(day), { store: 'local', path: '/x', status: 'good' });
    const { orphans } = await look(true);
    expect(orphans).toMatchObject([{ remove: false, names: [newest] }]);
    expect(orphans[0]?.reason).toContain('better than nothing');
  });

  it('are not what a run that goes on writes, however old, nor what belongs to a backup that is not whole', async () => {
    await given(hour, { onFile: true });
    const running = await given(5 * day, { manifest: false });
    put(`${running}.00000000-0000-4000-8000-000000000000.partial`, 2 * day);
    const id = running.slice('db/'.length, running.indexOf('.'));
    await catalog.startRun(newRun('run-1', { schedule: 'db', objectPrefix: objectPrefixOf('db', id) }));
    await given(4 * day, { manifest: false, onFile: true });
    expect((await look(true)).orphans).toEqual([]);
    expect(await names()).toHaveLength(4);
  });

  it('are not what others have put there, nor copies of the config, checks and journals', async () => {
    await given(hour, { onFile: true });
    const foreign = [
      '_check/0123456789ab/object',
      '_config/20261101T020000000Z-3fa29c.age',
      'db/notes.txt',
      'db/somebody.tar.zst.age',
      'notes.json',
    ];
    for (const name of [...foreign, '.lowtide/one.journal', 'x.partial']) put(name, 90 * day);
    const all = await names();
    expect((await look(true)).orphans).toEqual([]);
    expect(await names()).toEqual(all);
  });

  it('include what a prune was cut off over, which needs no further proof', async () => {
    const half = await given(hour, { onFile: true });
    const id = half.slice('db/'.length, half.indexOf('.'));
    await catalog.removeCopy(id, 'local', 'no rule keeps it', now);
    expect(verdicts(await look(true))).toEqual([['half_removed', true, half, expect.any(Number)]]);
    expect(await names()).toEqual([]);
  });

  it('leaves what a rotation has written beside objects while one goes on', async () => {
    const data = await given(9 * day, { onFile: true });
    put(`${data}.00000000-0000-4000-8000-000000000000.partial`, 5 * day);
    const { id } = await catalog.rotations.start({
      ...{ id: 'rotation-1', mode: 'reencrypt', trigger: 'manual', startedAt: now, backups: [] },
    });
    expect((await look(true)).removed).toBe(0);
    await catalog.rotations.finish(id, { status: 'cancelled', at: now });
    // Of one whose catalog was lost the journal tells.
    put('.lowtide/00000000-0000-4000-8000-000000000000.journal', 5 * day);
    expect(await look(true)).toMatchObject({ removed: 0, problems: [] });
    rmSync(join(work, 'local', '.lowtide'), { recursive: true });
    expect((await look(true)).removed).toBe(1);
  });

  it('stay where a listing has left out the rest of them', async () => {
    await given(hour, { onFile: true });
    const whole = [await given(3 * day), await given(4 * day)];
    const hidden = new Set([whole[0], `${whole[1] ?? ''}.json`]);
    const list = local.list.bind(local);
    vi.spyOn(local, 'list').mockImplementation(async function* (prefix) {
      for await (const object of list(prefix)) if (!hidden.has(object.name)) yield object;
    });
    const report = await look(true);
    expect(report.orphans.map(({ remove }) => remove)).toEqual([true, true]);
    expect(report).toMatchObject({ removed: 0, problems: [] });
    hidden.clear();
    expect(await names()).toHaveLength(6);
  });

  it('stay while somebody has locked them, and say so before anything is removed', async () => {
    await given(hour, { onFile: true });
    const data = await given(3 * day, { manifest: false });
    const by = 'a legal hold';
    vi.spyOn(local, 'lockOn').mockImplementation((of) =>
      Promise.resolve(of.includes(data) ? { by } : undefined),
    );
    for (const remove of [false, true]) {
      const { orphans, removed } = await look(remove);
      expect(orphans).toMatchObject([{ remove: false, locked: { by }, reason: 'protected by a legal hold' }]);
      expect(removed).toBe(0);
    }
    expect(await names()).toHaveLength(3);
  });

  it('of a store that cannot be looked through are a problem, and the others are looked through', async () => {
    await given(hour, { onFile: true });
    await given(3 * day, { manifest: false });
    writeFileSync(join(work, 'file'), 'no folder');
    const broken = new DirectoryStore('broken', join(work, 'file'));
    const stores = new Map([
      ['broken', broken],
      ['local', local],
    ]);
    const report = await pruneOrphans({ catalog, stores, remove: true, safeAgeMs: day, now, signal });
    expect(report.problems.map(({ store }) => store)).toEqual(['broken']);
    expect(report.removed).toBe(1);
  });
});

describe('the verdict on what is left', () => {
  const time = fc.integer({ min: 0, max: 100 * day });
  const stray = fc.record({
    schedule: fc.constant('db'),
    startedAt: time,
    touchedAt: time,
    hasManifest: fc.boolean(),
    hasData: fc.boolean(),
    onFile: fc.constantFrom(undefined, 'failed' as const),
    newestGoodAt: fc.option(time, { nil: undefined }),
  });
  const age = fc.integer({ min: 1, max: 100 * day });

  it('lets go only of what is old enough, no backup by its looks, and followed by a good one', () => {
    fc.assert(
      fc.property(stray, time, age, (each, at, safeAgeMs) => {
        if (!judgeStray(each, { now: at, safeAgeMs }).remove) return;
        expect(at - Math.max(each.startedAt, each.touchedAt)).toBeGreaterThanOrEqual(safeAgeMs);
        expect(each.hasManifest && each.hasData).toBe(false);
        expect(each.newestGoodAt).toBeGreaterThan(each.startedAt);
      }),
    );
  });

  it('lets go of no more where the safe age is longer', () => {
    fc.assert(
      fc.property(
        stray,
        fc.option(time, { nil: undefined }),
        time,
        age,
        age,
        (each, touchedAt, at, one, other) => {
          const [short, long] = [one, other]
            .sort((a, b) => a - b)
            .map((safeAgeMs) => ({ now: at, safeAgeMs }));
          if (short === undefined || long === undefined) return;
          const write = { touchedAt, isRotating: false };
          if (judgeStray(each, long).remove) expect(judgeStray(each, short).remove).toBe(true);
          if (judgeUnfinished(write, long).remove) expect(judgeUnfinished(write, short).remove).toBe(true);
        },
      ),
    );
  });
});
