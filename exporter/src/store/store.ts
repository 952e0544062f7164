import type { EpochMs } from '../units/instant.ts';
import type { Resealing } from './resealing.ts';

/**
 * A place where backups lie. What every adapter guarantees (conformance/conformance.ts holds them to it):
 *
 * - **Atomic and durable**: `put` makes the name visible only after the last byte is safe (for files: written,
 *   fsynced, named, folder fsynced). When the body throws, or the process dies, nothing is visible under the name, or
 *   with `replace` the old object, whole.
 * - **Read after write**: once `put` has resolved, `get`, `stat` and `list` see the object, here and everywhere else.
 * - **Named refusals**: `store_missing_object`, `store_exists`, `store_denied`, `store_locked`, `store_full`, `store_damaged` (read
 *   to its end, it does not have the checksum that the store keeps), `store_unavailable` (`retryable` where trying again can
 *   help). What the body throws comes out of `put` as it is.
 * - **Stoppable**: on abort, `put` and `get` throw the signal's reason, `put` also while its body stalls.
 *
 * Names are relative, `/`-separated, made of `[A-Za-z0-9._-]` segments (see name.ts); all others are refused with `usage`.
 */
export interface Store {
  readonly id: string;
  readonly type: 'directory' | 's3' | 'azure';
  /** The `cloud_provider` label: `local` for a directory. */
  readonly provider: string;

  /**
   * Writes a new object; refuses with `store_exists` unless `replace`, before it reads the body where it can know by then.
   * Of several writers of one new name exactly one succeeds. Reads `body` once, piece by piece as it is written away. A
   * piece is the store's until it asks for the next; what it keeps for longer, it copies.
   */
  put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject>;

  /**
   * Bytes of an object, from `start` (default 0) up to, not including, `end` (default: its size). What lies beyond the
   * object's end is left out. An object that is replaced meanwhile is never mixed with its successor.
   */
  get(name: string, options: GetOptions): AsyncIterable<Uint8Array>;

  /** Undefined when there is no such object. */
  stat(name: string): Promise<StoredObject | undefined>;

  /** Every whole object whose name starts with `prefix`, in name order. Partial writes never show. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Removes an object durably; an absent one is not an error. */
  delete(name: string): Promise<void>;

  /**
   * What keeps these objects from being deleted now, as far as the store tells beforehand; undefined where nothing does. In a
   * versioned bucket a deletion of what is locked would succeed, and leave all of it as an old version.
   */
  lockOn(names: readonly string[]): Promise<ObjectLock | undefined>;

  /** Where a person finds the object: an absolute path, or a URL. */
  locate(name: string): string;

  /**
   * Removes what unfinished writes of names that start with `prefix` have left, and returns what it removed, for the log.
   * Only once nobody writes such names any more: a running write would lose its bytes. Writes of other names go on.
   */
  sweep(prefix: string): Promise<readonly string[]>;

  /** What a sweep of names that start with `prefix` would remove now, writes that go on among it. */
  unfinished(prefix: string): AsyncIterable<UnfinishedWrite>;

  /** Removes one of these. What is whole by now, or gone, stays as it is. */
  discard(write: UnfinishedWrite): Promise<void>;

  /** Room left, where the notion exists. */
  space(): Promise<StoreSpace | undefined>;

  /** Writes, reads back and deletes a probe object. Throws the store's own refusal. */
  check(): Promise<void>;

  /** What deletions and replacements have left; absent where nothing can be left. */
  readonly versions?: OldVersions;

  /** What a rotation of keys needs; absent where nothing that is stored can be changed. */
  readonly resealing?: Resealing;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  readonly replace?: boolean;
}

export interface GetOptions {
  readonly signal: AbortSignal;
  readonly start?: number;
  readonly end?: number;
}

export interface StoredObject {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: EpochMs;
}

/** Somebody wants an object to stay. */
export interface ObjectLock {
  /** As in `protected by …`. */
  readonly by: string;
  /** Absent where it ends only when somebody ends it, or the store does not tell. */
  readonly until?: EpochMs;
}

/** In a place that keeps versions, what is deleted or replaced stays, and is paid for, until its version is removed. */
export interface OldVersions {
  /** Names that start with `prefix`, hidden ones too, of which there is more than what is there now; in their order. */
  list(prefix: string): AsyncIterable<VersionedName>;
  /** What keeps each from being removed. */
  locks(versions: readonly VersionId[]): Promise<readonly (ObjectLock | undefined)[]>;
  /** Removes them for good, in no order; those that are gone are fine. */
  remove(versions: readonly VersionId[]): Promise<void>;
}

export interface VersionedName {
  readonly name: string;
  /** The object that is there now; undefined where a deletion hides the rest. */
  readonly current: StoredObject | undefined;
  /** All others, newest first. */
  readonly old: readonly OldVersion[];
}

export interface VersionId {
  readonly name: string;
  readonly id: string;
}

export interface OldVersion extends VersionId {
  readonly sizeBytes: number;
  /** The mark of a deletion. Where that is the newest, removing it brings back what it hides. */
  readonly isMarker: boolean;
  readonly isNewest: boolean;
  /** When it was replaced or deleted; for the newest, when it was made. */
  readonly since: EpochMs;
}

export interface UnfinishedWrite {
  /** The object that it was to be. */
  readonly object: string;
  /** What the store calls it, where it has a name of its own. */
  readonly as: string;
  /** Of what has come so far, as far as the store tells. */
  readonly sizeBytes: number;
  /** When something last came; undefined where the store does not tell, so that it may be going on. */
  readonly touchedAt: EpochMs | undefined;
}

export interface StoreSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}
