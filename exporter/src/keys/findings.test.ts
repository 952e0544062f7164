import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileLock } from '../catalog/file-lock.ts';
import { fileKeystore, type FileKeystoreOptions } from './file.ts';
import type { Keystore } from './keystore.ts';

const now = Date.UTC(2026, 10, 24);

let template: string;
let retiring: string;
let active: string;
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
  const keystore = fileKeystore({ folder: template, passphrase: 'p', scryptLogN: 6 });
  retiring = (await keystore.create({ kind: 'x25519', now })).id;
  active = (await keystore.create({ kind: 'x25519', now })).id;
});
afterAll(() => rmSync(template, { recursive: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-keys-'));
  cpSync(template, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const keystore = (more: Partial<FileKeystoreOptions> = {}): Keystore => fileKeystore({ folder, ...more });
const file = (name: string): string => join(folder, name);

interface Case {
  readonly title: string;
  readonly harm: () => void;
  /** What the findings say, the folder written as DIR. */
  readonly findings: () => readonly string[];
}

const cases: readonly Case[] = [
  { title: 'nothing, of a keystore in order', harm: () => undefined, findings: () => [] },
  {
    title: 'a folder that others may enter',
    harm: () => chmodSync(folder, 0o755),
    findings: () => ['DIR may be entered by others (mode 0755): chmod 700 it'],
  },
  {
    title: 'files that others may read or change',
    harm: () => {
      chmodSync(file(`${active}.age`), 0o640);
      chmodSync(file(`${active}.json`), 0o602);
    },
    findings: () => [
      `DIR/${active}.age may be read or changed by others (mode 0640): chmod 600 it`,
      `DIR/${active}.json may be read or changed by others (mode 0602): chmod 600 it`,
    ],
  },
  {
    title: 'a copy that somebody made beside it and left open',
    harm: () => writeFileSync(file('key.txt'), 'x', { mode: 0o644 }),
    findings: () => ['DIR/key.txt may be read or changed by others (mode 0644): chmod 600 it'],
  },
  {
    title: 'damaged metadata',
    harm: () => truncateSync(file(`${retiring}.json`), 20),
    findings: () => [`DIR/${retiring}.json is not JSON`],
  },
  {
    title: 'metadata that cannot be read',
    harm: () => {
      rmSync(file(`${retiring}.json`));
      mkdirSync(file(`${retiring}.json`), { mode: 0o700 });
    },
    findings: () => [
      `cannot read DIR/${retiring}.json: EISDIR: illegal operation on a directory, read 'DIR/${retiring}.json'`,
    ],
  },
  {
    title: 'an identity that is no age file',
    harm: () => truncateSync(file(`${active}.age`), 3),
    findings: () => [`DIR/${active}.age is damaged: it is no age file`],
  },
  {
    title: 'an identity without metadata',
    harm: () => rmSync(file(`${retiring}.json`)),
    findings: () => [
      `DIR/${retiring}.age has no ${retiring}.json beside it: its creation was cut off, or the file was lost; ` +
        'it still opens what is sealed to it, and importing the identity again lists it',
    ],
  },
  {
    title: 'metadata without an identity',
    harm: () => rmSync(file(`${retiring}.age`)),
    findings: () => [
      `DIR/${retiring}.age is gone, and with it what opens the backups sealed to ${retiring}: ` +
        'bring it back from a copy of the keystore, or import the recovery file',
    ],
  },
  {
    title: 'what a crash has left',
    harm: () => writeFileSync(file(`${active}.json.partial`), '{', { mode: 0o600 }),
    findings: () => [
      `DIR/${active}.json.partial was left by a change that was cut off; the next change removes it`,
    ],
  },
  {
    title: 'that no key is active',
    harm: () => {
      rmSync(file(`${active}.age`));
      rmSync(file(`${active}.json`));
    },
    findings: () => ['DIR has no active key: `lowtide keys new` makes one'],
  },
];

describe('findings', () => {
  it.each(cases)('tell $title', async ({ harm, findings }) => {
    harm();
    const found = (await keystore().findings()).map((text) => text.replaceAll(folder, 'DIR'));
    expect(found).toEqual(findings());
  });

  it('tell that folder and files belong to somebody else', async () => {
    const mine = process.getuid?.() ?? 0;
    const found = await keystore({ uid: mine + 1 }).findings();
    expect(found).toHaveLength(6);
    expect(found[0]).toBe(`${folder} belongs to another user (uid ${mine}, not ${mine + 1}): chown it`);
  });

  it('tell that a destroyed key still has its secret', async () => {
    const writer = keystore({ passphrase: 'p' });
    const secret = file(`${retiring}.age`);
    cpSync(secret, file('kept'));
    await writer.retire(retiring);
    await writer.destroy(retiring);
    cpSync(file('kept'), secret);
    expect(await writer.findings()).toEqual([
      `${secret} is there although ${retiring} was destroyed: remove it`,
    ]);
  });

  it('tell that the keystore is no folder', async () => {
    const found = await keystore({ folder: file(`${active}.age`) }).findings();
    expect(found).toEqual([expect.stringContaining('ENOTDIR')]);
  });

  it('leave out what a writer at work has about, and tell it once it is gone', async () => {
    writeFileSync(file(`${active}.json.partial`), '{', { mode: 0o600 });
    const writer = FileLock.take(file('keystore.lock'), 0);
    expect(writer).toBeDefined();
    expect(await keystore().findings()).toEqual([]);
    writer?.[Symbol.dispose]();
    expect(await keystore().findings()).toHaveLength(1);
  });

  it('never show a key in the making, however often one looks', async () => {
    const writer = keystore({ passphrase: 'p', scryptLogN: 6 });
    let writing = true;
    const watch = async (): Promise<string[]> => {
      const seen: string[] = [];
      while (writing) seen.push(...(await keystore().findings()));
      return seen;
    };
    const watching = watch();
    for (let round = 0; round < 10; round += 1) {
      await writer.import(await generateX25519Identity(), { origin: 'imported', purpose: 'backup', now });
      await writer.create({ kind: 'x25519', now });
    }
    writing = false;
    expect(await watching).toEqual([]);
  });
});
