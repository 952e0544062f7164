import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from '../servers/eventually.ts';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { verifyCopy } from '../../exporter/src/run/verify.ts';
import { directorySource } from '../../exporter/src/source/directory.ts';
import { storedManifest } from '../../exporter/src/store/manifest.ts';
import { sqliteSource } from '../../exporter/src/source/sqlite.ts';
import { bytesSource, TestInstallation } from '../conformance/sealed-backup.ts';

let lowtide: TestInstallation;
beforeAll(async () => {
  lowtide = await TestInstallation.open();
});
afterAll(() => lowtide[Symbol.asyncDispose]());
afterEach(() => vi.unstubAllEnvs());

/** Some that compresses and some that does not, over several of zstd's blocks and age's chunks. */
const content = Buffer.concat([Buffer.alloc(300_000, 'low tide '), randomBytes(200_000)]);

async function verdict(backup: Backup): Promise<string> {
  const { copies } = await lowtide.verify(backup);
  return copies
    .map(({ status, error }) => (error === undefined ? status : `${status}: ${error.message}`))
    .join(' | ');
}

/** The backup passes again, so that one file can serve several damages. */
async function withDamage(backup: Backup, damage: (path: string) => void): Promise<string> {
  const path = lowtide.pathOf(backup);
  const sound = readFileSync(path);
  try {
    damage(path);
    return await verdict(backup);
  } finally {
    writeFileSync(path, sound);
  }
}

function flip(path: string, offset: number, bit = 0): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 1 << bit;
  writeFileSync(path, bytes);
}

/** Restoring must refuse, and leave neither the target nor anything else behind. */
async function refusesRestore(backup: Backup): Promise<void> {
  const folder = lowtide.newFolder('refused');
  const target = join(folder, 'restored');
  await expect(lowtide.restore(backup, target)).rejects.toMatchObject({ code: 'verification_failed' });
  expect(readdirSync(folder)).toEqual([]);
}

describe('a sound copy', () => {
  it('passes, is recorded, and stays good', async () => {
    const backup = await lowtide.backUp(bytesSource(content));
    lowtide.clock.advance(1000);
    expect(await lowtide.verify(backup)).toEqual({
      copies: [{ store: 'near', path: lowtide.pathOf(backup), status: 'passed', warnings: [] }],
    });
    expect(await lowtide.recorded(backup)).toEqual(['backup:verified passed']);
    const [copy] = (await lowtide.backup(backup.id)).copies;
    expect(copy).toMatchObject({ status: 'good', verifiedAt: lowtide.clock.now() });
  });

  it('of every size around the edges of chunks passes', async () => {
    for (const size of [1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577]) {
      expect(await verdict(await lowtide.backUp(bytesSource(randomBytes(size))))).toBe('passed');
    }
  });
});

describe('a damaged copy', () => {
  let backup: Backup;
  let headerBytes: number;
  let fileBytes: number;
  beforeAll(async () => {
    backup = await lowtide.backUp(bytesSource(content));
    headerBytes = storedManifest(backup.manifest).parts[0].headerBytes;
    fileBytes = backup.storedBytes;
  });

  it('fails where it was cut, wherever that is', async () => {
    for (const size of [
      0,
      1,
      100,
      headerBytes,
      headerBytes + 16,
      headerBytes + 20,
      fileBytes >> 1,
      fileBytes - 1,
    ]) {
      const found = await withDamage(backup, (path) => truncateSync(path, size));
      expect(found).toBe(
        `failed: ${lowtide.pathOf(backup)} (store near): it has ${size} bytes where the manifest says ${fileBytes}: ` +
          `${fileBytes - size} are missing, it was cut`,
      );
    }
  });

  it('fails where bytes follow it', async () => {
    const found = await withDamage(backup, (path) => appendFileSync(path, 'x'));
    expect(found).toMatch(/^failed: .* 1 too many$/);
  });

  it('fails for any flipped bit, and says whether header or payload have it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: fileBytes - 1 }),
        fc.integer({ min: 0, max: 7 }),
        async (at, bit) => {
          const found = await withDamage(backup, (path) => flip(path, at, bit));
          const expected =
            at < headerBytes ? /header|no age file|another key/ : /payload is damaged: chunk \d+/;
          expect(found).toMatch(new RegExp(`^failed: .*(${expected.source})`, 's'));
        },
      ),
      {
        numRuns: 40,
        examples: [
          [0, 0],
          [headerBytes - 2, 0],
          [headerBytes, 7],
          [fileBytes - 1, 7],
        ],
      },
    );
  });

  it('fails with the payload of another backup, and as another backup', async () => {
    const other = await lowtide.backUp(
      bytesSource(Buffer.concat([content.subarray(0, 300_000), randomBytes(200_000)])),
    );
    const otherBytes = readFileSync(lowtide.pathOf(other));
    expect(otherBytes.length).toBe(fileBytes);
    const swappedPayload = await withDamage(backup, (path) => {
      writeFileSync(
        path,
        Buffer.concat([readFileSync(path).subarray(0, headerBytes), otherBytes.subarray(headerBytes)]),
      );
    });
    expect(swappedPayload).toMatch(/^failed: .*payload is damaged: chunk 0, at byte 4096, .*another key/);
    const swappedFile = await withDamage(backup, (path) => copyFileSync(lowtide.pathOf(other), path));
    expect(swappedFile).toMatch(/^failed: .*header is sound, but not the one that the manifest describes/);
  });

  it('fails when the same content was sealed anew without its manifest', async () => {
    const again = await lowtide.backUp(bytesSource(content));
    const found = await withDamage(backup, (path) => copyFileSync(lowtide.pathOf(again), path));
    expect(found).toMatch(/^failed: .*sealed anew without its manifest/);
  });

  it('fails when it is sealed to another key than its manifest says', async () => {
    const [{ keyId }] = [backup];
    const next = await lowtide.keystore.create({ kind: 'x25519', now: lowtide.clock.now() });
    expect(next.id).not.toBe(keyId);
    const other = await lowtide.backUp(bytesSource(content));
    const found = await withDamage(backup, (path) => copyFileSync(lowtide.pathOf(other), path));
    expect(found).toMatch(/^failed: .*sealed to another key than the manifest says/);
  });

  it('fails when it is missing, and is good again once it is back', async () => {
    const path = lowtide.pathOf(backup);
    renameSync(path, `${path}.away`);
    try {
      expect(await verdict(backup)).toBe(`failed: ${path} (store near): there is no such file any more`);
      expect((await lowtide.backup(backup.id)).copies[0]).toMatchObject({
        status: 'damaged',
        error: `${path} (store near): there is no such file any more`,
      });
    } finally {
      renameSync(`${path}.away`, path);
    }
    expect(await verdict(backup)).toBe('passed');
    expect((await lowtide.backup(backup.id)).copies[0]?.status).toBe('good');
  });

  it('is refused by a restore, which leaves nothing behind', async () => {
    const path = lowtide.pathOf(backup);
    const sound = readFileSync(path);
    for (const damage of [
      () => truncateSync(path, fileBytes - 1),
      () => flip(path, fileBytes - 1),
      () => flip(path, 30),
      () => rmSync(path),
    ]) {
      await lowtide.verify(backup);
      damage();
      await refusesRestore(backup);
      expect((await lowtide.recorded(backup)).slice(-2)).toEqual([
        'backup:verified failed',
        'backup:restored failed',
      ]);
      writeFileSync(path, sound);
    }
    expect(await verdict(backup)).toBe('passed');
  });
});

describe('what tells nothing about a copy', () => {
  it('is named and not recorded: a key that is missing', async () => {
    // One that was not read before: the keystore remembers those.
    await lowtide.keystore.create({ kind: 'x25519', now: lowtide.clock.now() });
    const backup = await lowtide.backUp(bytesSource(content));
    const keys = join(lowtide.folder, 'keys');
    renameSync(keys, `${keys}.away`);
    try {
      expect(await verdict(backup)).toMatch(/^unable: .*has no key/);
      await expect(lowtide.restore(backup, join(lowtide.folder, 'x'))).rejects.toMatchObject({
        code: 'key_missing',
      });
    } finally {
      rmSync(keys, { recursive: true, force: true });
      renameSync(`${keys}.away`, keys);
    }
    expect(await lowtide.recorded(backup)).toEqual(['backup:restored failed']);
    expect(await verdict(backup)).toBe('passed');
  });

  it('is named and not recorded: a store whose disk is not mounted', async () => {
    const backup = await lowtide.backUp(bytesSource(content), { stores: ['far'] });
    const folder = join(lowtide.folder, 'stores', 'far');
    renameSync(folder, `${folder}.away`);
    try {
      expect(await verdict(backup)).toMatch(/^unable: store far holds nothing at all/);
    } finally {
      renameSync(`${folder}.away`, folder);
    }
    expect(await lowtide.recorded(backup)).toEqual([]);
    expect((await lowtide.backup(backup.id)).copies[0]?.status).toBe('good');
  });

  it('is thrown: being stopped', async () => {
    const backup = await lowtide.backUp(bytesSource(content));
    const reason = new LowtideError('cancelled', 'enough');
    await expect(lowtide.verify(backup, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await lowtide.recorded(backup)).toEqual([]);
  });
});

describe('the content', () => {
  const sqliteBackup = async (damage?: (database: Buffer) => void): Promise<Backup> => {
    const path = join(lowtide.newFolder('sources'), 'shop.sqlite');
    rmSync(path, { force: true });
    using database = new DatabaseSync(path);
    database.exec(
      'CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT); CREATE INDEX by_what ON orders (what)',
    );
    const insert = database.prepare('INSERT INTO orders (what) VALUES (?)');
    database.exec('BEGIN');
    for (let i = 0; i < 2000; i += 1) insert.run(`order ${i}`);
    database.exec('COMMIT');
    database.close();
    if (damage === undefined) return await lowtide.backUp(sqliteSource({ path }));
    const bytes = readFileSync(path);
    damage(bytes);
    return await lowtide.backUp(bytesSource(bytes, 'sqlite', 'sqlite'));
  };

  it('of a SQLite backup is checked by SQLite, which leaves no file behind', async () => {
    expect(await verdict(await sqliteBackup())).toBe('passed');
    expect(await verdict(await sqliteBackup((bytes) => bytes.fill(0, 8192, 12_288)))).toMatch(
      /^failed: the content is what was stored, but SQLite finds it damaged: /,
    );
    expect(await verdict(await sqliteBackup((bytes) => bytes.fill(7, 0, 100)))).toMatch(
      /^failed: .*SQLite cannot read it: file is not a database/,
    );
    expect(readdirSync(join(lowtide.folder, 'scratch'))).toEqual([]);
  });

  it('of a folder is listed by tar', async () => {
    const folder = lowtide.newFolder('sources/folder');
    writeFileSync(join(folder, 'größe.txt'), randomBytes(300_000));
    const backup = await lowtide.backUp(directorySource({ path: folder, exclude: [], unreadable: 'fail' }));
    expect(await verdict(backup)).toBe('passed');
    const torn = await lowtide.backUp(bytesSource(randomBytes(10_000), 'tar', 'directory'));
    expect(await verdict(torn)).toMatch(/^failed: .*cannot be listed: tar failed with exit code 2/);
  });

  it('of a pg_dump archive is listed by pg_restore', async () => {
    const torn = await lowtide.backUp(bytesSource(randomBytes(2_000_000), 'pg_custom', 'postgres'));
    expect(await verdict(torn)).toMatch(/^failed: .*cannot be listed: pg_restore failed/);
  });

  it('of a SQL dump has to have its ending', async () => {
    const sql = 'INSERT INTO t VALUES (1);\n-- Dump completed on 2026-11-25  2:00:00\n';
    const backUp = async (text: string): Promise<string> =>
      verdict(await lowtide.backUp(bytesSource(Buffer.from(text), 'sql', 'mysql')));
    expect(await backUp(sql)).toBe('passed');
    expect(await backUp(`${sql}INSERT INTO t`)).toMatch(/^failed: .*does not end in "-- Dump completed"/);
    expect(await backUp('INSERT INTO t VALUES (1);\n')).toMatch(/^failed: /);
    expect(await backUp("INSERT INTO t VALUES ('-- Dump completed')")).toMatch(/^failed: /);
  });

  it('is not looked at where the program is missing, and that is said', async () => {
    const backup = await lowtide.backUp(bytesSource(randomBytes(2_000_000), 'pg_custom', 'postgres'));
    vi.stubEnv('PATH', '/nonexistent');
    const { copies } = await lowtide.verify(backup);
    expect(copies).toMatchObject([
      { status: 'passed', warnings: [expect.stringMatching(/^not listed by pg_restore: /)] },
    ]);
  });
});

it('leaves no file open and no temporary file when it is stopped midway', async () => {
  const backup = await lowtide.backUp(bytesSource(randomBytes(20_000_000), 'sqlite', 'sqlite'));
  const stop = new AbortController();
  const path = lowtide.pathOf(backup);
  const scratch = lowtide.newFolder('stopped');
  const reason = new LowtideError('cancelled', 'enough');
  await expect(
    verifyCopy({
      store: lowtide.store('near'),
      manifest: storedManifest(backup.manifest),
      keystore: lowtide.keystore,
      pool: lowtide.pool,
      scratch,
      signal: stop.signal,
      onProgress: (bytes) => {
        if (bytes > 4_000_000) stop.abort(reason);
      },
    }),
  ).rejects.toBe(reason);
  expect(readdirSync(scratch)).toEqual([]);
  await eventually(() => expect(openFiles()).not.toContain(path));
  expect(existsSync(path) && statSync(path).size).toBe(backup.storedBytes);
});

function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
