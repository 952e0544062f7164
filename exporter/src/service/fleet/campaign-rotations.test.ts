import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { complete } from '../../../../test/conformance/catalog-given.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { RotationEnd } from '../../catalog/rotations.ts';
import { openSqliteCatalog } from '../../catalog/sqlite.ts';
import { systemClock } from '../../clock/system.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import { CampaignRotations, type RotationTask } from './campaign-rotations.ts';

const asked = { kind: 'rotation', wish: {}, askedOf: 'one', by: 'alice', campaign: 'c' } as const;
const task: RotationTask = { ...asked, state: 'waiting', rotationId: 'r' };
const nothing = { items: 0, bytes: 0 };

let folder: string;
let catalog: Catalog;
let now: number;
let begun: string[];
let stopped: unknown[];
let refusal: LowtideError | undefined;
let rotations: CampaignRotations;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-campaign-'));
  catalog = openSqliteCatalog(join(folder, 'state'));
  await complete(catalog, 'b1');
  await complete(catalog, 'b2');
  now = 1_000_000;
  begun = [];
  stopped = [];
  refusal = undefined;
  rotations = new CampaignRotations({
    installation: () => ({ catalog, clock: { ...systemClock, now: () => now } }),
    async rotate({ rotationId }, isBegun) {
      begun.push(`${isBegun ? 'resume' : 'start'} ${rotationId}`);
      if (refusal !== undefined) throw refusal;
      if (isBegun) await catalog.rotations.resume(rotationId, now);
      else await start(rotationId);
    },
    async cancel(rotationId, { by }) {
      stopped.push([rotationId, by]);
      await catalog.rotations.requestCancel(rotationId);
    },
  });
});
afterEach(async () => {
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function start(id: string): Promise<void> {
  const backups = ['b1', 'b2'].map((backupId) => ({ backupId, bytes: 5 }));
  await catalog.rotations.start({ id, mode: 'rewrap', trigger: 'api', startedAt: now, backups });
}

async function settle(backupId: string, status: 'done' | 'failed'): Promise<void> {
  await catalog.rotations.settle('r', [{ backupId, status, bytes: 5, copies: [] }], now);
}

it('begins a rotation once, and says how it stands', async () => {
  const pending = { items: 2, bytes: 10 };
  const counts = { pending, done: nothing, skipped: nothing, failed: nothing };
  expect(await rotations.look(task)).toEqual({ state: 'running', counts });
  await settle('b1', 'done');
  expect(await rotations.look({ ...task, state: 'running' })).toMatchObject({
    state: 'running',
    counts: { pending: { items: 1 }, done: { items: 1, bytes: 5 } },
  });
  expect(begun).toEqual(['start r']);
});

it('goes on with one that was cut off, under the same id', async () => {
  await rotations.look(task);
  await catalog.rotations.interruptOrphans(new Set(), now);
  expect(await rotations.look({ ...task, state: 'running' })).toMatchObject({ state: 'running' });
  expect(begun).toEqual(['start r', 'resume r']);
});

it.each<[RotationEnd['status'], string | undefined, ('done' | 'failed')[], string]>([
  ['completed', undefined, ['done', 'done'], 'completed'],
  ['failed', undefined, ['done', 'failed'], 'partial'],
  ['failed', undefined, ['failed', 'failed'], 'failed'],
  ['failed', 'store_full', ['done'], 'failed'],
  ['cancelled', 'cancelled', ['done'], 'cancelled'],
])('has one that %s (%s) with %j as %s', async (status, code, ends, state) => {
  await rotations.look(task);
  for (const [index, end] of ends.entries()) await settle(`b${index + 1}`, end);
  const error = code === undefined ? {} : { error: { code, message: 'why' } };
  await catalog.rotations.finish('r', { status, at: now, ...error });
  const report = await rotations.look({ ...task, state: 'running' });
  expect(report).toMatchObject({ state, ...error });
  expect(report.error?.code).toBe(code);
  expect(begun).toHaveLength(1);
});

it('waits for another rotation, and begins nothing meanwhile', async () => {
  await start('by-hand');
  expect(await rotations.look(task)).toMatchObject({ state: 'waiting', error: { code: 'rotation_active' } });
  await catalog.rotations.finish('by-hand', { status: 'completed', at: now });
  expect(await rotations.look(task)).toMatchObject({ state: 'running' });
  expect(begun).toEqual(['start r']);
});

it('tries again a minute after what may pass, and gives up what does not', async () => {
  refusal = new LowtideError('store_unavailable', 'nobody answers', { retryable: true });
  const held = { state: 'waiting', error: { code: 'store_unavailable', message: 'nobody answers' } } as const;
  expect(await rotations.look(task)).toEqual(held);
  now += 59_000;
  expect(await rotations.look({ ...task, ...held })).toMatchObject(held);
  expect(begun).toHaveLength(1);
  now += 1000;
  refusal = new LowtideError('key_missing', 'a key is lost', { hint: 'Import it.' });
  expect(await rotations.look({ ...task, ...held })).toEqual({
    state: 'refused',
    error: { code: 'key_missing', message: 'a key is lost', hint: 'Import it.' },
  });
});

it('stops one that goes on, which is told so once', async () => {
  const cancelled = { askedOf: 'two', by: 'bob' };
  await rotations.look(task);
  expect(await rotations.end(task, cancelled)).toMatchObject({ state: 'running' });
  expect(await rotations.end(task, cancelled)).toMatchObject({ state: 'running' });
  expect(stopped).toEqual([['r', 'bob']]);
  await settle('b1', 'done');
  await catalog.rotations.finish('r', { status: 'cancelled', at: now });
  expect(await rotations.end(task, cancelled)).toMatchObject({
    state: 'cancelled',
    counts: { done: { items: 1 }, pending: { items: 1 } },
  });
});

it('begins none, and goes on with none, once that is cancelled', async () => {
  const cancelled = { askedOf: 'two', by: 'bob' };
  expect(await rotations.end(task, cancelled)).toEqual({ state: 'cancelled' });
  await rotations.look(task);
  await catalog.rotations.interruptOrphans(new Set(), now);
  expect(await rotations.end(task, cancelled)).toMatchObject({
    state: 'cancelled',
    counts: { pending: { items: 2 } },
  });
  expect(begun).toEqual(['start r']);
  expect(stopped).toEqual([]);
});

it('has one that cannot be gone on with as failed', async () => {
  await rotations.look(task);
  await settle('b1', 'done');
  await catalog.rotations.interruptOrphans(new Set(), now);
  refusal = new LowtideError('rotation_ended', 'another key is active');
  expect(await rotations.look({ ...task, state: 'running' })).toMatchObject({
    state: 'failed',
    counts: { done: { items: 1 } },
    error: { code: 'rotation_ended' },
  });
});
