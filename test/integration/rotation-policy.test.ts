import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openInstallation, type Installation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { generateIdentity } from '../../exporter/src/seal/identity.ts';
import { createLog } from '../../exporter/src/service/log.ts';
import { isDue, RotationPolicy, type RotationConfig } from '../../exporter/src/service/rotation-policy.ts';
import { WorkRegistry } from '../../exporter/src/service/work.ts';
import { makeKey, writeConfig } from '../servers/installation.ts';
import { storeBackups } from '../servers/stored-backups.ts';

const dayMs = 86_400_000;
const schedules = '  []';

describe('a policy for rotations', () => {
  let folder: string;
  let opened: Installation;
  let stop: AbortController;
  const lines: string[] = [];
  const held: string[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lowtide-policy-'));
    const configFile = writeConfig(folder, schedules);
    const text = readFileSync(configFile, 'utf8').replace(
      'recovery_recipients: []',
      'rotation: { every: 30d, mode: rewrap }',
    );
    writeFileSync(configFile, text.replace('schedules:\n  []', 'schedules: []'), { mode: 0o600 });
    const loaded = await readConfig(configFile, {});
    await makeKey(loaded.config, Date.now() - 31 * dayMs);
    opened = await openInstallation(loaded, {});
    stop = new AbortController();
    lines.length = 0;
    held.length = 0;
  });
  afterEach(async () => {
    await opened[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const policy = (): RotationPolicy =>
    new RotationPolicy({
      installation: () => opened,
      log: createLog({
        level: 'info',
        format: 'json',
        redact: (text) => text,
        write: (line) => lines.push(line),
      }),
      interrupted: stop.signal,
      registry: new WorkRegistry(() => performance.now(), stop.signal),
      gate: (rotation) => {
        held.push(rotation.id);
        return Promise.resolve();
      },
      track: (work) => work,
    });
  const config = (): RotationConfig => {
    const { rotation } = opened.config.encryption;
    if (rotation === undefined) throw new Error('there is no policy');
    return rotation;
  };

  it('rotates when the key has come of age, retires the old one, and then waits', async () => {
    const { catalog, keystore } = opened;
    const oldKey = await keystore.active();
    const [backup] = await storeBackups(1, { folder: join(folder, 'backups'), catalog, key: oldKey });
    await policy().look(config(), stop.signal);
    const rotations = await catalog.rotations.list({ limit: 10 });
    expect(rotations).toMatchObject([
      { trigger: 'policy', mode: 'rewrap', status: 'completed', done: { backups: 1 } },
    ]);
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['retired', 'active']);
    const entries = (await catalog.access.auditAfter(0, 10)).map(({ body }) => body);
    expect(entries.map(({ actor, action, subject, result }) => [actor, action, subject, result])).toEqual([
      ['policy', 'rotation.start', rotations[0]?.id, 'started'],
      ['policy', 'rotation.start', rotations[0]?.id, 'done'],
      ['policy', 'key.retire', oldKey.id, 'done'],
    ]);
    expect((await catalog.backup(backup?.manifest.id ?? ''))?.keyId).toBe((await keystore.active()).id);
    const changes = (await catalog.eventsAfter(0, 100)).flatMap(({ body }) =>
      body.name === 'key:changed' ? [body] : [],
    );
    expect(changes.map(({ keyId, change }) => [keyId, change])).toEqual([
      [rotations[0]?.keyId, 'created'],
      [oldKey.id, 'retired'],
    ]);
    await policy().look(config(), stop.signal);
    expect(await catalog.rotations.list({ limit: 10 })).toHaveLength(1);
    expect(lines.join('')).not.toContain('SECRET');
  });

  it('keeps a key that a backup still needs, until that has been pruned', async () => {
    const { catalog, keystore } = opened;
    const oldKey = await keystore.active();
    const [backup] = await storeBackups(1, { folder: join(folder, 'backups'), catalog, key: oldKey });
    await policy().look({ ...config(), mode: 'rotate' }, stop.signal);
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['retiring', 'active']);
    await catalog.removeCopy(backup?.manifest.id ?? '', 'local', 'expired', Date.now());
    await policy().look(config(), stop.signal);
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['retired', 'active']);
  });

  it('waits for the low tide where it is told to, also when it is resumed', async () => {
    const { catalog, keystore } = opened;
    await storeBackups(1, { folder: join(folder, 'backups'), catalog, key: await keystore.active() });
    await policy().look(config(), AbortSignal.abort());
    expect(held).toEqual([]);
    await policy().look(config(), stop.signal);
    expect(held).toEqual([]);
    await keystore.create({ kind: 'x25519', now: Date.now() - 31 * dayMs });
    const atLowTide = { ...config(), mode: 'reencrypt', at_low_tide: true, limit_rate: 64 } as const;
    await policy().look(atLowTide, AbortSignal.abort());
    const [begun] = await catalog.rotations.list({ limit: 1 });
    expect(begun).toMatchObject({ status: 'interrupted', atLowTide: true, bytesPerSecond: 64 * 2 ** 20 });
    await policy().look(config(), stop.signal);
    expect(await catalog.rotations.rotation(begun?.id ?? '')).toMatchObject({ status: 'completed' });
    expect(new Set(held)).toEqual(new Set([begun?.id]));
  });

  it('only counts what is too old for it, however much that is', async () => {
    const { catalog, keystore } = opened;
    await storeBackups(120, { folder: join(folder, 'backups'), catalog, key: await keystore.active() });
    await policy().look({ ...config(), days_back: 1 }, stop.signal);
    const [rotation] = await catalog.rotations.list({ limit: 1 });
    expect(rotation).toMatchObject({ status: 'completed', done: { backups: 0 }, skipped: { backups: 120 } });
    const plan = await opened.rotator.plan({ mode: 'rewrap', daysBack: 1 });
    expect(rotation?.skipped.bytes).toBe(plan.skipped.find(({ code }) => code === 'older')?.bytes);
    expect(await catalog.rotations.backups(rotation?.id ?? '', { limit: 200 })).toEqual([]);
    expect((await catalog.totals()).rotationProgress).toBe(1);
    expect((await keystore.list()).map(({ state }) => state)).toEqual(['retiring', 'active']);
  });

  it('retires no key that somebody has brought to open other things with', async () => {
    const { keystore, clock } = opened;
    for (const purpose of ['recovery', 'restore'] as const) {
      await keystore.import(await generateIdentity('x25519'), {
        origin: 'imported',
        purpose,
        now: clock.now(),
      });
    }
    await policy().look({ ...config(), mode: 'rotate' }, stop.signal);
    expect((await keystore.list()).map(({ state, purpose }) => `${purpose} ${state}`)).toEqual([
      'backup retired',
      'recovery retiring',
      'restore retiring',
      'backup active',
    ]);
  });

  it('is interrupted when the service stops, and goes on after the next start', async () => {
    const { catalog, keystore } = opened;
    await storeBackups(3, { folder: join(folder, 'backups'), catalog, key: await keystore.active() });
    await policy().look(config(), AbortSignal.abort());
    expect(await catalog.rotations.list({ limit: 1 })).toMatchObject([
      { status: 'interrupted', pending: { backups: 3 } },
    ]);
    await policy().recover();
    await policy().look(config(), stop.signal);
    const rotations = await catalog.rotations.list({ limit: 10 });
    expect(rotations).toMatchObject([{ status: 'completed', done: { backups: 3 } }]);
  });

  it('says what kept it from rotating, and goes on looking', async () => {
    const key = await opened.keystore.active();
    rmSync(join(folder, 'keys', `${key.id}.age`));
    const running = policy().run(stop.signal);
    while (!lines.join('').includes('could not be looked after')) await new Promise(setImmediate);
    stop.abort();
    await running;
    expect(lines.join('')).toContain('key_missing');
    expect(await opened.catalog.rotations.list({ limit: 1 })).toEqual([]);
  });
});

describe('when a rotation is due', () => {
  const key = {
    id: 'key-1',
    recipient: 'age1',
    state: 'active',
    origin: 'generated',
    purpose: 'backup',
  } as const;
  const made = Date.parse('2026-01-15T12:00:00Z');
  const due = (every: RotationConfig['every'], at: string): boolean =>
    isDue({ every, mode: 'rewrap', at_low_tide: false }, { ...key, createdAt: made }, Date.parse(at));

  it.each<[RotationConfig['every'], string, boolean]>([
    [{ every: 30 * dayMs }, '2026-02-14T11:59:59Z', false],
    [{ every: 30 * dayMs }, '2026-02-14T12:00:00Z', true],
    [{ cron: '0 12 1 * *' }, '2026-01-30T00:00:00Z', false],
    [{ cron: '0 12 1 * *' }, '2026-02-03T00:00:00Z', true],
    [{ cron: '0 12 1 * *' }, '2025-12-03T00:00:00Z', false],
  ])('by %j it is at %s: %s', (every, at, expected) => {
    expect(due(every, at)).toBe(expected);
  });
});
