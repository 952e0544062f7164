import { rebuildCatalog } from '../catalog/rebuild.ts';
import type { Rotation } from '../catalog/rotations.ts';
import { openInstallation, type Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Key } from '../keys/keystore.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { BackupKey } from './encryption.ts';
import { configOf } from './manager.ts';
import { counted } from '../units/count.ts';

export interface BackupKeyRotatorOptions {
  /** Where backups are stored. */
  readonly backupDir: string;
  /** The keystore. */
  readonly keyStorageDir: string;
  /** Protects the keys at rest. */
  readonly passphrase: string;
  /** What is known of the backups; default: `state` inside of `keyStorageDir`'s parent folder, as BackupManager has it. */
  readonly stateDir?: string;
}

export interface KeyRotationRequest {
  /** What backups are sealed to now; taken over into the keystore where that does not have it. */
  readonly oldKey: BackupKey;
  /** What they are given to, and new ones are sealed to; absent: a key that is made for it. */
  readonly newKey?: BackupKey;
  /**
   * `true`: each backup is encrypted anew, which takes the old key away from whoever has it. `false`: they are rewrapped, which is
   * quick and keeps their content as it is encrypted.
   */
  readonly reencryptBackups: boolean;
  /** Older backups are left alone, in days; absent: none are. */
  readonly daysBack?: number;
  readonly signal?: AbortSignal;
}

export interface KeyRotationResult {
  readonly backupsReencrypted: number;
  readonly backupsRewrapped: number;
  readonly backupsSkipped: number;
  readonly backupsFailed: number;
  /** The key that is active now; absent where the rotation could not be begun. */
  readonly newKeyId?: string;
  /** Why it was not completed, as a sentence; absent when it was. `resume` goes on with it. */
  readonly error?: string;
}

export interface KeyInfo {
  readonly keyId: string;
  /** Never anything secret. */
  readonly metadata: {
    readonly recipient: string;
    readonly state: Key['state'];
    /** RFC 3339. */
    readonly createdAt: string;
    readonly origin: Key['origin'];
    readonly parentId?: string;
    /** Backups that need it, and the bytes of one copy of each. */
    readonly backups: number;
    readonly bytes: number;
  };
}

/** Changes the key of stored backups from a program of one's own. */
export class BackupKeyRotator implements AsyncDisposable {
  readonly #installation: Promise<Installation>;

  /** Opens, and where absent makes, the state. What the catalog throws is heard of by the first that asks for something. */
  constructor(options: BackupKeyRotatorOptions) {
    const loaded = { config: configOf(options), warnings: [], file: '', redact: (text: string) => text };
    this.#installation = openInstallation(loaded, {});
    // Whoever asks for something first hears of it.
    this.#installation.catch(() => undefined);
  }

  /** Does not throw: why it could not be done, or not to the end, is the `error` of the result. */
  async rotateKeys({
    oldKey,
    newKey,
    reencryptBackups,
    daysBack,
    signal = new AbortController().signal,
  }: KeyRotationRequest): Promise<KeyRotationResult> {
    try {
      await this.#findBackups(signal);
      await this.#take(oldKey, false);
      if (newKey !== undefined) await this.#take(newKey, true);
      const { rotator } = await this.#installation;
      const rotation = await rotator.rotate(
        {
          mode: reencryptBackups ? 'reencrypt' : 'rewrap',
          fromKeys: [oldKey.id],
          trigger: 'api',
          by: 'library',
          ...(daysBack !== undefined && { daysBack }),
          ...(newKey !== undefined && { toKey: newKey.id }),
        },
        { signal },
      );
      return resultOf(rotation);
    } catch (thrown) {
      return refused(thrown);
    }
  }

  /** Goes on with the last rotation that was not completed. */
  async resume(signal: AbortSignal = new AbortController().signal): Promise<KeyRotationResult> {
    try {
      const { rotator } = await this.#installation;
      return resultOf(await rotator.resume(undefined, { signal }));
    } catch (thrown) {
      return refused(thrown);
    }
  }

  /** Oldest first. */
  async listKeys(): Promise<readonly KeyInfo[]> {
    const { keystore, catalog } = await this.#installation;
    const { backupsByKey, bytesByKey } = await catalog.totals();
    return (await keystore.list()).map(({ id, recipient, state, createdAt, origin, parentId }) => ({
      keyId: id,
      metadata: {
        recipient,
        state,
        createdAt: toRfc3339(createdAt),
        origin,
        ...(parentId !== undefined && { parentId }),
        backups: backupsByKey[id] ?? 0,
        bytes: bytesByKey[id] ?? 0,
      },
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const installation = await this.#installation;
    await installation[Symbol.asyncDispose]();
  }

  /** A state that is new knows of no backup yet: the folder tells. */
  async #findBackups(signal: AbortSignal): Promise<void> {
    const { catalog, stores } = await this.#installation;
    if ((await catalog.backups({ limit: 1 })).length === 0) await rebuildCatalog(catalog, stores, { signal });
  }

  async #take(key: BackupKey, activate: boolean): Promise<void> {
    const { keystore, clock } = await this.#installation;
    if ((await keystore.list()).some(({ id }) => id === key.id)) return;
    const [origin, purpose] = ['imported', 'backup'] as const;
    await keystore.import(key.identity, { origin, purpose, now: clock.now(), activate });
  }
}

function resultOf({ mode, keyId, status, error, done, skipped, failed }: Rotation): KeyRotationResult {
  const why = error?.message ?? `${counted(failed.backups, 'backup')} could not be given to the new key`;
  return {
    backupsReencrypted: mode === 'reencrypt' ? done.backups : 0,
    backupsRewrapped: mode === 'rewrap' ? done.backups : 0,
    backupsSkipped: skipped.backups,
    backupsFailed: failed.backups,
    ...(keyId !== undefined && { newKeyId: keyId }),
    ...(status !== 'completed' && { error: why }),
  };
}

function refused(thrown: unknown): KeyRotationResult {
  const { message } = LowtideError.from(thrown);
  return {
    backupsReencrypted: 0,
    backupsRewrapped: 0,
    backupsSkipped: 0,
    backupsFailed: 0,
    error: message,
  };
}
