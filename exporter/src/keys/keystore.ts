import type { EpochMs } from '../units/instant.ts';

/** What a key is for now. Only `active` seals; all but `destroyed` open. One key is active at a time. */
export type KeyState = 'active' | 'retiring' | 'retired' | 'destroyed';

/**
 * What a key is there for. `backup`: new backups are sealed to it while it is active. `recovery`: every backup is also sealed to
 * it, in case all others are lost. `restore`: it only opens what was sealed elsewhere, or before.
 */
export type KeyPurpose = (typeof keyPurposes)[number];
export const keyPurposes = ['backup', 'recovery', 'restore'] as const;

export interface Key {
  /** Derived from the recipient, so that two keystores agree: `key-` and 12 hex digits of its SHA-256. */
  readonly id: string;
  /** `age1…` (X25519) or `age1pq…` (post-quantum hybrid). */
  readonly recipient: string;
  readonly state: KeyState;
  readonly createdAt: EpochMs;
  /** Where it came from: `generated`, `imported`, `environment` (BACKUP_ENCRYPTION_KEY). */
  readonly origin: 'generated' | 'imported' | 'environment';
  readonly purpose: KeyPurpose;
  /** The key this one replaced, for the history of rotations. */
  readonly parentId?: string;
  /** The rotation that it was made for. */
  readonly rotationId?: string;
}

/** A key's secret half as age writes it, `AGE-SECRET-KEY-…`. Never logged, never serialised. */
export type Identity = string;

/** Holds the identities, protected at rest by the passphrase. */
export interface Keystore {
  /** Oldest first. */
  list(): Promise<readonly Key[]>;
  /** The key that new backups are sealed to. Throws `key_missing` with the remedy. */
  active(): Promise<Key>;
  /** Whether the secret half of a key is here; whether the passphrase opens it is for `identity`. */
  holds(id: string): Promise<boolean>;
  /** The secret half of one key. Throws `key_missing`, `keystore_locked` (no or wrong passphrase), `keystore_invalid`. */
  identity(id: string): Promise<Identity>;
  /** Makes a new key; it becomes active, and the one active before becomes `retiring`. */
  create(options: {
    readonly kind: 'x25519' | 'hybrid';
    readonly now: EpochMs;
    readonly rotationId?: string;
  }): Promise<Key>;
  /**
   * Takes over an existing identity. One for `backup` becomes active where no key is active yet or with `activate`, as
   * `create` does it; all others are `retiring`. A key that is known but has lost its secret gets it back, and stays what it
   * was. Throws `key_exists`, `identity_invalid`.
   */
  import(
    identity: Identity,
    options: {
      readonly origin: Key['origin'];
      readonly purpose: KeyPurpose;
      readonly now: EpochMs;
      readonly activate?: boolean;
    },
  ): Promise<Key>;
  /** `retiring` → `retired`; a retired key stays so. Throws `key_missing`, and `key_in_use` for the active one. */
  retire(id: string): Promise<Key>;
  /**
   * `retired` → `destroyed`: removes the secret for good. The caller has made sure that no backup needs it.
   * Throws `key_missing`, and `key_in_use` for a key that is not retired.
   */
  destroy(id: string): Promise<Key>;
  /** Everything looser than 0700/0600, unreadable or damaged, as sentences; empty when all is well. */
  findings(): Promise<readonly string[]>;
}
