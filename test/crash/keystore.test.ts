import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import type { Key, Keystore } from '../../exporter/src/keys/keystore.ts';
import { TestChild } from './children.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'lowtide-crash-')), 'keys');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const open = (): Keystore => fileKeystore({ folder, passphrase: 'a passphrase', scryptLogN: 6 });
const child = (...args: string[]): TestChild => new TestChild('keystore-child.ts', [folder, ...args]);

/** One line of descent, the last of it active, and every identity opens. */
async function expectSound(keys: readonly Key[]): Promise<void> {
  expect(keys.map(({ state }) => state)).toEqual(
    keys.map((_, index) => (index < keys.length - 1 ? 'retiring' : 'active')),
  );
  expect(keys.map(({ parentId }) => parentId)).toEqual([undefined, ...keys.slice(0, -1).map(({ id }) => id)]);
  const keystore = open();
  for (const { id, recipient } of keys) {
    expect(await identityToRecipient(await keystore.identity(id))).toBe(recipient);
  }
}

describe('a keystore', () => {
  it('whose writer is killed with kill -9 keeps every promised key and one active, and lets the next write', async () => {
    const promised = new Set<string>();
    for (const lines of [1, 2, 3, 4, 5, 7, 11]) {
      await using writer = child();
      await writer.written(lines);
      await writer.kill();
      for (const line of writer.lines.slice(1)) promised.add(line);
      const keys = await open().list();
      const ids = new Set(keys.map(({ id }) => id));
      for (const id of promised) expect(ids).toContain(id);
      if (keys.length > 0) await expectSound(keys);
    }
    const last = await open().create({ kind: 'x25519', now: 0 });
    expect((await open().active()).id).toBe(last.id);
    expect((await open().findings()).filter((text) => !text.includes('its creation was cut off'))).toEqual(
      [],
    );
  });

  it('in which three processes make keys at once loses none, and no state', async () => {
    const children = [child('4'), child('4'), child('4')];
    const codes = await Promise.all(children.map((each) => each.ended()));
    expect(codes).toEqual([0, 0, 0]);
    const keys = await open().list();
    const made = children.flatMap(({ lines }) => lines.slice(1));
    expect(new Set(keys.map(({ id }) => id))).toEqual(new Set(made));
    expect(keys).toHaveLength(12);
    await expectSound(keys);
    expect(await open().findings()).toEqual([]);
  });
});
