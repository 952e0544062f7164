import type { EpochMs } from '../units/instant.ts';

/**
 * A place where backups lie. What every adapter guarantees (test/conformance/store.ts holds them to it):
 *
 * - **Atomic and durable**: `put` makes the name visible only after the last byte is safe (for files: written,
 *   fsynced, renamed, folder fsynced). When the body throws, or the process dies, nothing is visible under the name.
 * - **Read after write**: once `put` has resolved, `get`, `stat` and `list` see the object.
 * - **Named refusals**: `store_missing_object`, `store_exists`, `store_denied`, `store_full`, `store_unavailable`
 *   (the last one `retryable`).
 *
 * Names are relative, `/`-separated, made of `[A-Za-z0-9._-]` segments; `..` and absolute names are refused.
 */
export interface Store {
  readonly id: string;
  readonly type: 'directory' | 's3' | 'azure';
  /** The `cloud_provider` label: `local` for a directory. */
  readonly provider: string;

  /** Writes a new object; refuses with `store_exists` unless `replace`. Consumes `body` once, with back-pressure. */
  put(name: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject>;

  /** Bytes of an object, from `start` (default 0) up to, not including, `end` (default: its size). */
  get(name: string, options: GetOptions): AsyncIterable<Uint8Array>;

  /** Undefined when there is no such object. */
  stat(name: string): Promise<StoredObject | undefined>;

  /** Every whole object whose name starts with `prefix`, in name order. Partial writes never show. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Removes an object durably; an absent one is not an error. */
  delete(name: string): Promise<void>;

  /** Where a person finds the object: an absolute path, or a URL. */
  locate(name: string): string;

  /** Removes what unfinished writes have left; returns what it removed, for the log. Only without writers about. */
  sweep(): Promise<readonly string[]>;

  /** Room left, where the notion exists. */
  space(): Promise<StoreSpace | undefined>;

  /** Writes, reads back and deletes a probe object. Throws the store's own refusal. */
  check(): Promise<void>;
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

export interface StoreSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}
