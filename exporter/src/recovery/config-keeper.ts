import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/catalog.ts';
import { newestObject } from '../catalog/newest-object.ts';
import type { Clock } from '../clock/clock.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Keystore } from '../keys/keystore.ts';
import { openBytes, sealBytes } from '../seal/bytes.ts';
import { commit } from '../store/durable-file.ts';
import type { Store } from '../store/store.ts';
import { toRfc3339 } from '../units/instant.ts';
import {
  configCopyName,
  isConfigCopyName,
  configCopyPrefix,
  sealConfigCopy,
  type ConfigCopy,
} from './config-copy.ts';

export interface ConfigKeeperOptions {
  readonly loaded: LoadedConfig;
  readonly version: string;
  readonly catalog: Pick<Catalog, 'access' | 'backups' | 'schedules'>;
  readonly stores: ReadonlyMap<string, Store>;
  readonly keystore: Pick<Keystore, 'active' | 'list' | 'identity'>;
  readonly clock: Clock;
}

/** How many stay in each store: the last ones are for those who notice late that the config was spoilt. */
const kept = 3;

/** What was stored last in each store, by a hash of what it says. */
type Stored = Readonly<Record<string, StoredCopy>>;

interface StoredCopy {
  readonly fingerprint: string;
  readonly name: string;
  /** What those before it are sealed to as well; absent in a state of an older version. */
  readonly recipients?: readonly string[];
}

/**
 * Keeps a copy of the config in each store, sealed to the recovery recipients (where there are none, to the active key), and
 * writes a new one when the config, the schedules of the API, or those it is sealed to have changed.
 */
export class ConfigKeeper {
  readonly #options: ConfigKeeperOptions;

  constructor(options: ConfigKeeperOptions) {
    this.#options = options;
  }

  /** Brings each store up to date; returns what went wrong, by store. */
  async keep(signal: AbortSignal): Promise<ReadonlyMap<string, LowtideError>> {
    const problems = new Map<string, LowtideError>();
    if (!this.#isWanted()) return problems;
    const recipients = await this.#recipients();
    let stored = await this.#readStored();
    for (const store of this.#options.stores.values()) {
      try {
        const copy = await this.#copyFor(store);
        const fingerprint = fingerprintOf(copy, recipients);
        const before = stored[store.id];
        const isResealed = isDeepStrictEqual(before?.recipients, recipients);
        if (before?.fingerprint === fingerprint && isResealed) continue;
        await this.#refuseLost(store);
        let name = before?.name ?? '';
        if (before?.fingerprint !== fingerprint) {
          name = await this.#put(store, copy, recipients, signal);
          const { recipients: ofOlder = [] } = before ?? {};
          stored = { ...stored, [store.id]: { fingerprint, name, recipients: ofOlder } };
          await this.#writeStored(stored);
          await removeOlder(store, name);
        }
        if (isResealed) continue;
        // On record by itself: where it cannot be done, as in a bucket with object lock, no further copy is made at each look.
        await this.#resealOlder(store, { newest: name, recipients, signal });
        stored = { ...stored, [store.id]: { fingerprint, name, recipients } };
        await this.#writeStored(stored);
      } catch (thrown) {
        signal.throwIfAborted();
        problems.set(store.id, LowtideError.from(thrown));
      }
    }
    return problems;
  }

  /** Which stores have the config as it is now. */
  async current(): Promise<Readonly<Record<string, boolean>>> {
    if (!this.#isWanted()) return {};
    const recipients = await this.#recipients();
    const stored = await this.#readStored();
    const current: Record<string, boolean> = {};
    for (const store of this.#options.stores.values()) {
      const fingerprint = fingerprintOf(await this.#copyFor(store), recipients);
      current[store.id] = stored[store.id]?.fingerprint === fingerprint;
    }
    return current;
  }

  #isWanted(): boolean {
    const { source, config } = this.#options.loaded;
    return source !== undefined && config.encryption.config_copy !== 'none' && this.#options.stores.size > 0;
  }

  async #recipients(): Promise<readonly string[]> {
    const { recovery_recipients: recovery } = this.#options.loaded.config.encryption;
    return recovery.length > 0 ? recovery : [(await this.#options.keystore.active()).recipient];
  }

  async #copyFor(store: Store): Promise<ConfigCopy> {
    const { loaded, catalog, clock, version } = this.#options;
    const { source = { text: '', references: [] }, config, file } = loaded;
    const added = await catalog.access.addedSchedules();
    const ids = new Set([...config.schedules, ...added].map(({ id }) => id));
    const states = await catalog.schedules();
    const paused = [...ids].filter((id) => states.get(id)?.paused);
    return {
      formatVersion: 1,
      instance: config.instance,
      savedAt: toRfc3339(clock.now()),
      version,
      store: store.id,
      file,
      config: source.text,
      references: config.encryption.config_copy === 'full' ? [...source.references] : [],
      addedSchedules: added.map(({ id, body }) => ({ id, body })),
      pausedSchedules: paused.sort(),
    };
  }

  /** A disk that is not mounted would take the copy, and from then on look like one whose backups were deleted. */
  async #refuseLost(store: Store): Promise<void> {
    const name = await newestObject(this.#options.catalog, store.id);
    if (name === undefined || (await store.stat(name)) !== undefined) return;
    throw new LowtideError('store_missing_object', `the newest backup on file there, ${name}, is not there`, {
      hint: 'Is its disk mounted?',
    });
  }

  async #put(
    store: Store,
    copy: ConfigCopy,
    recipients: readonly string[],
    signal: AbortSignal,
  ): Promise<string> {
    const name = configCopyName(this.#options.clock.now(), randomBytes(3).toString('hex'));
    const bytes = await sealConfigCopy(copy, recipients);
    await store.put(name, ReadableStream.from([bytes]), { signal });
    return name;
  }

  /**
   * Once the key is another one, earlier copies are sealed to that as well: whoever has the old key reads none of them any more,
   * and none is lost with it. What no key of the keystore opens, as what is sealed to a recovery key, stays as it is.
   */
  async #resealOlder(
    store: Store,
    { newest, recipients, signal }: { newest: string; recipients: readonly string[]; signal: AbortSignal },
  ): Promise<void> {
    const older = (await copiesIn(store)).filter((name) => name !== newest);
    if (older.length === 0) return;
    const identities = await this.#identities();
    for (const name of older) {
      const sealed = Buffer.concat(await Array.fromAsync(store.get(name, { signal })));
      const plain = await openBytes(sealed, identities).catch(() => undefined);
      if (plain === undefined) continue;
      const bytes = await sealBytes(plain, recipients);
      await store.put(name, ReadableStream.from([bytes]), { signal, replace: true });
    }
  }

  async #identities(): Promise<readonly string[]> {
    const { keystore } = this.#options;
    const there = (await keystore.list()).filter(({ state }) => state !== 'destroyed');
    const each = await Promise.all(there.map(({ id }) => keystore.identity(id).catch(() => undefined)));
    return each.filter((identity) => identity !== undefined);
  }

  get #file(): string {
    return join(this.#options.loaded.config.local, 'config-copies.json');
  }

  /** One that is lost or damaged costs a further copy in each store. */
  async #readStored(): Promise<Stored> {
    try {
      return JSON.parse(await readFile(this.#file, 'utf8')) as Stored;
    } catch {
      return {};
    }
  }

  async #writeStored(stored: Stored): Promise<void> {
    await mkdir(this.#options.loaded.config.local, { recursive: true, mode: 0o700 });
    const partial = `${this.#file}.${process.pid}.partial`;
    await using handle = await open(partial, 'w', 0o600);
    await handle.writeFile(`${JSON.stringify(stored)}\n`);
    await handle.sync();
    await commit(partial, this.#file);
  }
}

/** Of what it says, not of when it was made. */
function fingerprintOf(copy: ConfigCopy, recipients: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([{ ...copy, savedAt: '' }, recipients]))
    .digest('hex');
}

async function removeOlder(store: Store, newest: string): Promise<void> {
  const names = (await copiesIn(store)).filter((name) => name !== newest);
  for (const name of names.slice(0, Math.max(0, names.length - (kept - 1)))) await store.delete(name);
}

/** The oldest first. */
async function copiesIn(store: Store): Promise<readonly string[]> {
  const names = (await Array.fromAsync(store.list(configCopyPrefix))).map(({ name }) => name);
  return names.filter(isConfigCopyName).sort();
}
