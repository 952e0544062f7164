import { createHash } from 'node:crypto';
import type { Key, KeyState } from './keystore.ts';

/**
 * The life of a key. It is born `active`, or `retiring` where it was imported beside an active one; when another becomes
 * active it is `retiring` (rotation moves its backups away); then `retired` (kept for copies that rotation does not
 * reach); and at last `destroyed`: the secret is gone, the name stays for the history. There is no way back but a new
 * import of the same identity.
 */
const next: Readonly<Record<KeyState, KeyState | undefined>> = {
  active: 'retiring',
  retiring: 'retired',
  retired: 'destroyed',
  destroyed: undefined,
};

/** Whether a key in one state may be given the other; staying where it is, it may. */
export function mayBecome(from: KeyState, to: KeyState): boolean {
  return from === to || next[from] === to;
}

/** A key as its file has it: what the file calls `active` may have been overtaken (see `settle`). */
export interface KeyRecord extends Key {
  /** Counts up from 1 over the keystore's life, for a clock may be set back between two keys. */
  readonly sequence: number;
}

/**
 * One truth out of all records, oldest first: of those that call themselves active the youngest is, and the others are
 * retiring. So one file, the new key's, decides over both states, and no crash can leave two active keys or none.
 */
export function settle(records: readonly KeyRecord[]): readonly KeyRecord[] {
  const oldestFirst = records.toSorted(
    (a, b) => a.sequence - b.sequence || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1),
  );
  const active = oldestFirst.findLast((record) => record.state === 'active');
  return oldestFirst.map((record) =>
    record.state === 'active' && record !== active ? { ...record, state: 'retiring' } : record,
  );
}

/** Derived from the recipient: whoever holds the same key calls it by the same name. */
export function keyIdOf(recipient: string): string {
  return `key-${createHash('sha256').update(recipient).digest('hex').slice(0, 12)}`;
}

/** Whether a text has the form of a key id; ids become file names. */
export function isKeyId(text: string): boolean {
  return /^key-[0-9a-f]{12}$/.test(text);
}
