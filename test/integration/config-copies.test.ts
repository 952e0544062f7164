import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../exporter/src/config/read.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { ConfigKeeper } from '../../exporter/src/recovery/config-keeper.ts';
import { openConfigCopy, type ConfigCopy } from '../../exporter/src/recovery/config-copy.ts';
import { generateIdentity, recipientOf } from '../../exporter/src/seal/identity.ts';
import type { Store } from '../../exporter/src/store/store.ts';
import { TestInstallation } from '../servers/installation.ts';

const never = new AbortController().signal;
const schedules = `  - id: files
    source: { type: command, argv: [echo, tide], env: { TOKEN: '\${file:token}' } }
    every: 1d
    stores: [local]`;

describe('the copy of the config in a store', () => {
  const installations: TestInstallation[] = [];
  afterEach(async () => {
    for (const each of installations.splice(0)) await each[Symbol.asyncDispose]();
  });

  async function make(more: Parameters<typeof TestInstallation.make>[1] = {}): Promise<TestInstallation> {
    const plain = await TestInstallation.make(schedules.replace("'${file:token}'", 'x'), more);
    installations.push(plain);
    writeFileSync(join(plain.folder, 'token'), 'hunter2', { mode: 0o600 });
    return plain;
  }

  /** As SIGHUP does. */
  async function changed(
    lowtide: TestInstallation,
    change: (text: string) => string,
  ): Promise<TestInstallation['opened']> {
    writeFileSync(lowtide.configFile, change(readFileSync(lowtide.configFile, 'utf8')), { mode: 0o600 });
    return lowtide.opened.reconfigured(await readConfig(lowtide.configFile, {}));
  }

  const storeOf = (lowtide: TestInstallation, id = 'local'): Store => {
    const store = lowtide.opened.stores.get(id);
    if (store === undefined) throw new Error(`there is no store ${id}`);
    return store;
  };

  async function copies(store: Store, identity: string): Promise<readonly ConfigCopy[]> {
    const found: ConfigCopy[] = [];
    for await (const { name } of store.list('_config/')) {
      const bytes = Buffer.concat(await Array.fromAsync(store.get(name, { signal: never })));
      found.push(await openConfigCopy(bytes, identity, name));
    }
    return found;
  }

  it('is sealed to the recovery recipients alone, says what the file says, and is written anew when that changes', async () => {
    const identity = await generateIdentity('x25519');
    const stores = '{ local: { type: directory, path: ./backups }, usb: { type: directory, path: ./usb } }';
    const lowtide = await make({ recovery: [await recipientOf(identity)], stores });
    const { configKeeper, keystore, catalog } = lowtide.opened;
    expect(await configKeeper.current()).toEqual({ local: false, usb: false });
    expect(await configKeeper.keep(never)).toEqual(new Map());
    expect(await configKeeper.keep(never)).toEqual(new Map());
    expect(await configKeeper.current()).toEqual({ local: true, usb: true });
    const [first, ...others] = await copies(storeOf(lowtide), identity);
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      ...{ instance: 'test', store: 'local', file: lowtide.configFile, references: [] },
      config: readFileSync(lowtide.configFile, 'utf8'),
    });
    const active = await keystore.identity((await keystore.active()).id);
    await expect(copies(storeOf(lowtide), active)).rejects.toMatchObject({ code: 'no_identity_match' });

    const withToken = await changed(lowtide, (text) => text.replace('TOKEN: x', "TOKEN: '${file:token}'"));
    expect(await withToken.configKeeper.current()).toEqual({ local: false, usb: false });
    await catalog.setPaused('files', true);
    await withToken.configKeeper.keep(never);
    expect((await copies(storeOf(lowtide), identity)).at(-1)).toMatchObject({
      references: [{ kind: 'file', name: 'token', value: 'hunter2' }],
      pausedSchedules: ['files'],
    });
    const asWritten = await changed(lowtide, (text) =>
      text.replace('recovery_recipients', 'config_copy: as_written, recovery_recipients'),
    );
    await asWritten.configKeeper.keep(never);
    expect((await copies(storeOf(lowtide), identity)).at(-1)).toMatchObject({ references: [] });
    await catalog.access.putAddedSchedule({ id: 'more', body: { like: 'files', cron: '@weekly' } });
    await asWritten.configKeeper.keep(never);
    const last = await copies(storeOf(lowtide, 'usb'), identity);
    // The last three stay.
    expect(last).toHaveLength(3);
    expect(last.at(-1)).toMatchObject({ store: 'usb', addedSchedules: [{ id: 'more' }] });
  });

  it('is sealed to the active key where nobody else is named, and anew when that changes', async () => {
    const lowtide = await make();
    const { configKeeper, keystore, clock } = lowtide.opened;
    const old = await keystore.active();
    await configKeeper.keep(never);
    const { id } = await keystore.create({ kind: 'x25519', now: clock.now() });
    expect(await configKeeper.current()).toEqual({ local: false });
    await configKeeper.keep(never);
    const found = await copies(storeOf(lowtide), await keystore.identity(id));
    expect(found).toMatchObject([{ instance: 'test' }, { instance: 'test' }]);
    // Whoever has the key before reads none of them any more, and nobody needs it.
    await expect(copies(storeOf(lowtide), await keystore.identity(old.id))).rejects.toMatchObject({
      code: 'no_identity_match',
    });
    for await (const { name } of storeOf(lowtide).list('_config/')) {
      const bytes = Buffer.concat(await Array.fromAsync(storeOf(lowtide).get(name, { signal: never })));
      await expect(openConfigCopy(bytes, await keystore.identity(old.id), name)).rejects.toThrow();
    }
  });

  it('is there once where those before it cannot be sealed anew, as locked ones, and they are tried again', async () => {
    const lowtide = await make();
    const { keystore, clock } = lowtide.opened;
    await lowtide.opened.configKeeper.keep(never);
    const store = storeOf(lowtide);
    let isLocked = true;
    const locked: Store = new Proxy(store, {
      get(target, name): unknown {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== 'function') return own;
        if (name !== 'put') return own.bind(target) as unknown;
        return (...args: Parameters<Store['put']>) =>
          isLocked && args[2].replace === true
            ? Promise.reject(new LowtideError('store_denied', 'it is locked'))
            : target.put(...args);
      },
    });
    const keeper = new ConfigKeeper({
      loaded: await readConfig(lowtide.configFile, {}),
      version: '0.1.0',
      catalog: lowtide.opened.catalog,
      stores: new Map([['local', locked]]),
      keystore,
      clock,
    });
    const { id } = await keystore.create({ kind: 'x25519', now: clock.now() });
    for (let look = 0; look < 4; look += 1) {
      expect((await keeper.keep(never)).get('local')).toMatchObject({ code: 'store_denied' });
    }
    expect(await Array.fromAsync(store.list('_config/'))).toHaveLength(2);
    expect(await keeper.current()).toEqual({ local: true });
    isLocked = false;
    expect(await keeper.keep(never)).toEqual(new Map());
    expect(await copies(store, await keystore.identity(id))).toHaveLength(2);
  });

  it('is not written where the backups on file are not: that disk is not mounted', async () => {
    const lowtide = await make();
    await lowtide.completed('files');
    rmSync(join(lowtide.folder, 'backups'), { recursive: true });
    const problems = await lowtide.opened.configKeeper.keep(never);
    expect(problems.get('local')?.code).toBe('store_missing_object');
    expect(await Array.fromAsync(storeOf(lowtide).list(''))).toEqual([]);
  });

  it('is not kept where nobody wants it, and a store that fails does not keep the others from theirs', async () => {
    const lowtide = await make({
      stores:
        '{ local: { type: directory, path: ./backups }, usb: { type: directory, path: ./lowtide.yaml/x } }',
    });
    const problems = await lowtide.opened.configKeeper.keep(never);
    expect([...problems.keys()]).toEqual(['usb']);
    expect(await lowtide.opened.configKeeper.current()).toEqual({ local: true, usb: false });
    const none = await changed(lowtide, (text) =>
      text.replace('recovery_recipients', 'config_copy: none, recovery_recipients'),
    );
    expect(await none.configKeeper.keep(never)).toEqual(new Map());
    expect(await none.configKeeper.current()).toEqual({});
  });
});
