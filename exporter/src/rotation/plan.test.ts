import { describe, expect, it } from 'vitest';
import type { Backup, Copy } from '../catalog/catalog.ts';
import type { Rotation } from '../catalog/rotations.ts';
import { keyIdOf } from '../keys/key.ts';
import type { Key } from '../keys/keystore.ts';
import { newManifest, noon } from '../../../test/conformance/catalog-samples.ts';
import { candidateOf, type Candidate, type CandidateRules } from './candidates.ts';
import { planRotation, protectionKey, type PlanInput } from './plan.ts';
import { measuredSpeed } from './speed.ts';

const dayMs = 86_400_000;
const oldKey = 'key-0000000000aa';
const newKey = 'key-0000000000bb';

function backup(id: string, copies: readonly Partial<Copy>[], createdAt = noon, keyId = oldKey): Backup {
  const manifest = newManifest(id, { keyId, createdAt });
  return {
    id,
    schedule: manifest.schedule,
    type: manifest.type,
    status: 'completed',
    createdAt,
    sizeBytes: 9000,
    storedBytes: 7144,
    keyId,
    manifest,
    copies: copies.map((copy) => ({ store: 'local', path: '/x', status: 'good', ...copy })),
  };
}

const rules: CandidateRules = {
  now: noon + 10 * dayMs,
  targetKeyId: newKey,
  stores: new Set(['local', 'usb']),
  fixedStores: new Set(['tape']),
};

const both = [{ store: 'local' }, { store: 'usb' }];
const found = (...backups: readonly Backup[]): readonly Candidate[] =>
  backups.flatMap((each) => candidateOf(each, rules) ?? []);

describe('which copies a rotation is about', () => {
  it('are those that are there and sealed to another key', () => {
    expect(candidateOf(backup('b1', both, noon, newKey), rules)).toBeUndefined();
    const mixed = backup('b1', [
      { store: 'local', manifest: newManifest('b1', { keyId: newKey }) },
      { store: 'usb' },
      { store: 'local', status: 'failed' },
      { store: 'local', status: 'pruned' },
    ]);
    expect(candidateOf(mixed, rules)?.copies).toMatchObject([{ store: 'usb', bytes: 7144 }]);
    expect(candidateOf(mixed, { ...rules, fromKeyIds: ['key-0000000000cc'] })).toBeUndefined();
    expect(candidateOf(mixed, { ...rules, fromKeyIds: [oldKey] })?.copies).toHaveLength(1);
  });

  it.each<[string, Partial<Copy>, Partial<CandidateRules>]>([
    ['older', {}, { daysBack: 9 }],
    ['damaged', { status: 'damaged' }, {}],
    ['store_missing', { store: 'gone' }, {}],
    ['store_fixed', { store: 'tape' }, {}],
  ])('are not those that are %s', (code, copy, more) => {
    const candidate = candidateOf(backup('b1', [copy]), { ...rules, ...more });
    expect(candidate?.copies).toEqual([]);
    expect(candidate?.skipped).toMatchObject([{ code }]);
  });

  it('are those that are just as old as they may be', () => {
    expect(candidateOf(backup('b1', both), { ...rules, daysBack: 10 })?.copies).toHaveLength(2);
  });
});

const key = (id: string, state: Key['state']): Key => ({
  id,
  recipient: 'age1',
  state,
  createdAt: noon,
  origin: 'generated',
  purpose: 'backup',
});

function plan(more: Partial<PlanInput> = {}): ReturnType<typeof planRotation> {
  return planRotation({
    mode: 'rewrap',
    candidates: found(backup('b1', both), backup('b2', [{}])),
    protections: new Map(),
    keys: [key('key-0000000000cc', 'retired'), key(oldKey, 'active')],
    backupsByKey: { [oldKey]: 2 },
    cost: () => undefined,
    speed: { backupsPerSecond: 2, bytesPerSecond: 7144 },
    recoveryRecipients: [],
    obstacles: [],
    ...more,
  });
}

describe('the plan of a rotation', () => {
  it('counts backups and bytes by store, and says how long it takes', () => {
    expect(plan()).toMatchObject({
      mode: 'rewrap',
      backups: 2,
      bytes: 3 * 7144,
      stores: [
        { store: 'local', backups: 2, bytes: 2 * 7144, requests: 0, readBytes: 0, writtenBytes: 0 },
        { store: 'usb', backups: 1, bytes: 7144, requests: 0, readBytes: 0, writtenBytes: 0 },
      ],
      skipped: [],
      estimatedSeconds: 1,
      neededBytes: 0,
      retirableKeys: [oldKey],
    });
    expect(plan({ mode: 'reencrypt' })).toMatchObject({ estimatedSeconds: 4, neededBytes: 7144 });
    expect(plan({ mode: 'rotate' })).toMatchObject({ estimatedSeconds: 0, retirableKeys: [] });
  });

  it('counts what is asked of object stores, for what is to be changed alone', () => {
    const linked = { reason: 'linked', message: 'has further names' } as const;
    const billed = plan({
      protections: new Map([[protectionKey('local', 'b1'), linked]]),
      cost: ({ store, bytes }) =>
        store === 'local' ? { requests: 4, readBytes: 4096, writtenBytes: bytes } : undefined,
    });
    expect(billed.stores).toEqual([
      { store: 'usb', backups: 1, bytes: 7144, requests: 0, readBytes: 0, writtenBytes: 0 },
      { store: 'local', backups: 1, bytes: 7144, requests: 4, readBytes: 4096, writtenBytes: 7144 },
    ]);
  });

  it('says of what is left alone that it stays readable, and nothing of the kind where nothing is', () => {
    expect(plan().stillReadable.rewrap).toMatch(/^Nothing that lies in the stores now, with that key alone/);
    const linked = { reason: 'linked', message: 'has further names' } as const;
    const { stillReadable } = plan({ protections: new Map([[protectionKey('local', 'b1'), linked]]) });
    expect(stillReadable.rewrap).toMatch(/^The one copy that is left as it is, as before\. Of all others: /);
    expect(stillReadable.reencrypt).toMatch(/^Nothing/);
  });

  it('names recovery recipients that will open no longer what they open now', () => {
    const own = 'age1own';
    const keyId = keyIdOf(own);
    const manifest = { ...newManifest('b1', { keyId }), recipients: [own, 'age1a', 'age1b'] };
    const sealed = backup('b1', [{ manifest }]);
    const input = { candidates: found(sealed), recoveryRecipients: ['age1a'] };
    expect(plan(input).droppedRecipients).toEqual(['age1b']);
    expect(plan({ ...input, mode: 'rotate' }).droppedRecipients).toEqual([]);
  });

  it('calls no recovery key retirable, on which no backup depends', () => {
    const recovery: Key = { ...key('key-0000000000ee', 'retiring'), purpose: 'recovery' };
    expect(plan({ keys: [recovery, key(oldKey, 'active')] }).retirableKeys).toEqual([oldKey]);
  });

  it('names what stays behind, and no key that would still be needed by it', () => {
    const linked = { reason: 'linked', message: 'has further names' } as const;
    const protections = new Map([[protectionKey('usb', 'b1'), linked]]);
    expect(plan({ protections })).toMatchObject({
      backups: 2,
      skipped: [{ code: 'linked', text: 'has further names', copies: 1, bytes: 7144 }],
      retirableKeys: [],
    });
    expect(
      plan({ candidates: found(backup('b1', both), backup('b2', [{ status: 'damaged' }])) }),
    ).toMatchObject({
      backups: 1,
      skipped: [{ code: 'damaged', copies: 1 }],
      retirableKeys: [],
    });
    // A backup of it that is no candidate at all (of another key's rotation) needs it as well.
    expect(plan({ backupsByKey: { [oldKey]: 3 } }).retirableKeys).toEqual([]);
  });

  it('says of each operation what the old key would still open', () => {
    const { stillReadable } = plan();
    expect(stillReadable.rotate).toContain('Every backup made before');
    expect(stillReadable.rewrap).toContain('first 4 KiB');
    expect(stillReadable.reencrypt).toContain('Old copies of whole files');
  });
});

describe('the speed of rotations', () => {
  const none = { backups: 0, bytes: 0 };
  const past: Rotation = {
    id: 'o1',
    mode: 'rewrap',
    trigger: 'manual',
    startedAt: noon,
    finishedAt: noon + 10_000,
    status: 'completed',
    cancelRequested: false,
    pending: none,
    done: { backups: 10_000, bytes: 5e9 },
    skipped: none,
    failed: none,
  };

  it('is that of the last rotation of the kind that says something', () => {
    const short = { ...past, finishedAt: noon + 1000, done: { backups: 1, bytes: 1 } };
    const failed: Rotation = { ...past, status: 'failed', done: { backups: 1, bytes: 1 } };
    expect(measuredSpeed([short, failed, past], 'rewrap').backupsPerSecond).toBe(1000);
    expect(measuredSpeed([{ ...past, mode: 'reencrypt' }], 'reencrypt').bytesPerSecond).toBe(5e8);
    expect(measuredSpeed([past], 'reencrypt')).toEqual(measuredSpeed([], 'reencrypt'));
    for (const held of [{ atLowTide: true }, { resumedAt: noon }, { bytesPerSecond: 2 ** 20 }]) {
      expect(measuredSpeed([{ ...past, ...held }], 'rewrap')).toEqual(measuredSpeed([], 'rewrap'));
    }
  });
});
