import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { directorySource } from '../../exporter/src/source/directory.ts';
import { sqliteSource } from '../../exporter/src/source/sqlite.ts';
import { bytesSource, TestInstallation } from '../conformance/sealed-backup.ts';
import { describeTree } from './tree.ts';

const isRoot = process.getuid?.() === 0;

let lowtide: TestInstallation;
let folder: string;
beforeAll(async () => {
  lowtide = await TestInstallation.open();
});
afterAll(() => lowtide[Symbol.asyncDispose]());
beforeEach(() => {
  folder = join(lowtide.folder, 'here');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});

const folderSource = (path: string): ReturnType<typeof directorySource> =>
  directorySource({ path, exclude: [], unreadable: 'fail' });

const refusal = (code: string, message: RegExp): unknown =>
  expect.toSatisfy(
    (error) => error instanceof LowtideError && error.code === code && message.test(error.message),
    `${code} ${message.source}`,
  );

describe('a folder', () => {
  let source: string;
  let backup: Backup;
  beforeAll(async () => {
    source = lowtide.newFolder('source');
    plant(source);
    backup = await lowtide.backUp(folderSource(source));
  });

  it('comes back as it was: names, modes, owners, times, links of both kinds', async () => {
    const target = join(folder, 'deep/er/restored');
    const result = await lowtide.restore(backup, target);
    expect(result).toEqual({ store: 'near', target, restored: [target], warnings: [] });
    expect(describeTree(target)).toEqual(describeTree(source));
    expect(readdirSync(join(folder, 'deep/er'))).toEqual(['restored']);
    expect((await lowtide.recorded(backup)).at(-1)).toBe('backup:restored completed');
  });

  it('keeps its holes, ACLs and extended attributes', async () => {
    const target = join(folder, 'restored');
    await lowtide.restore(backup, target);
    const sparse = statSync(join(target, 'sparse'));
    expect(sparse.size).toBe(50_000_000);
    expect(sparse.blocks * 512).toBeLessThan(1_000_000);
    expect(spawnSync('getfattr', ['-n', 'user.note', join(target, 'file.txt')]).stdout.toString()).toContain(
      '"kept"',
    );
    expect(spawnSync('getfacl', ['-p', join(target, 'file.txt')]).stdout.toString()).toContain(
      'user:daemon:r--',
    );
  });

  it('goes into an empty folder, and not into one with something in it', async () => {
    const target = join(folder, 'restored');
    mkdirSync(target);
    await lowtide.restore(backup, `${target}/`);
    writeFileSync(join(target, 'precious'), 'mine');
    const before = describeTree(folder);
    await expect(lowtide.restore(backup, target)).rejects.toEqual(
      refusal('restore_target_exists', /is not empty/),
    );
    expect(describeTree(folder)).toEqual(before);
    expect((await lowtide.recorded(backup)).at(-1)).toBe('backup:restored completed');
  });

  it('takes the place of an old one as a whole when forced to', async () => {
    const target = join(folder, 'restored');
    mkdirSync(join(target, 'old/er'), { recursive: true });
    writeFileSync(join(target, 'file.txt'), 'old');
    chmodSync(join(target, 'old'), 0o555);
    await lowtide.restore(backup, target, { force: true });
    expect(describeTree(target)).toEqual(describeTree(source));
    expect(readdirSync(folder)).toEqual(['restored']);
  });

  it('goes where a symbolic link leads, and leaves the link', async () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    await lowtide.restore(backup, join(folder, 'link'));
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(describeTree(join(folder, 'real'))).toEqual(describeTree(source));
    symlinkSync('nowhere', join(folder, 'dangling'));
    await expect(lowtide.restore(backup, join(folder, 'dangling'))).rejects.toEqual(
      refusal('usage', /symbolic link to something that does not exist/),
    );
  });

  it('is refused where a file is, and by a database', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(lowtide.restore(backup, join(folder, 'file'), { force: true })).rejects.toEqual(
      refusal('usage', /is not a folder/),
    );
    await expect(lowtide.restore(backup, join(folder, 'file/below'))).rejects.toMatchObject({
      code: 'restore_failed',
    });
    for (const url of ['postgres://db/app', 'mariadb://db/app']) {
      await expect(lowtide.restore(backup, url)).rejects.toEqual(
        refusal('usage', /of a folder and cannot be restored/),
      );
    }
    await expect(lowtide.restore(backup, 's3://bucket/x')).rejects.toEqual(refusal('usage', /s3:\/\//));
    await expect(lowtide.restore(backup, '')).rejects.toMatchObject({ code: 'usage' });
  });

  it('gives its name back to the old folder when a restore was killed between its two renames', async () => {
    const target = join(folder, 'restored');
    mkdirSync(`${target}.lowtide-11111111-2222-3333-4444-555555555555.replaced/old`, { recursive: true });
    await expect(lowtide.restore(backup, target)).rejects.toEqual(
      refusal('restore_target_exists', /is not empty/),
    );
    expect(readdirSync(folder)).toEqual(['restored']);
    expect(readdirSync(target)).toEqual(['old']);
  });

  it('leaves the old one alone, and nothing behind, when the copy is damaged or the restore is stopped', async () => {
    const target = join(folder, 'restored');
    mkdirSync(target);
    writeFileSync(join(target, 'old'), 'old');
    const before = describeTree(target);
    const expectUntouched = (): void => {
      expect(readdirSync(folder)).toEqual(['restored']);
      expect(describeTree(target)).toEqual(before);
    };
    const big = await lowtide.backUp(folderSource(plantBig()));
    const damaged = lowtide.pathOf(big);
    const sound = readFileSync(damaged);
    truncateSync(damaged, sound.length - 1);
    await expect(lowtide.restore(big, target, { force: true })).rejects.toEqual(
      refusal('verification_failed', /it was cut/),
    );
    const flipped = Buffer.from(sound);
    flipped[sound.length - 5]! ^= 1;
    writeFileSync(damaged, flipped);
    await lowtide.verify(big);
    expect((await lowtide.backup(big.id)).copies[0]?.status).toBe('damaged');
    // As if nobody had verified it: found out only after all of it but the end was unpacked.
    await lowtide.catalog.recordVerification(big.id, 'near', { status: 'passed', at: 0 });
    await expect(lowtide.restore(big, target, { force: true })).rejects.toEqual(
      refusal('verification_failed', /payload is damaged/),
    );
    expectUntouched();

    writeFileSync(damaged, sound);
    await lowtide.catalog.recordVerification(big.id, 'near', { status: 'passed', at: 0 });
    const stop = new AbortController();
    const reason = new LowtideError('cancelled', 'enough');
    const onProgress = (bytes: number): void => {
      if (bytes > 3_000_000) stop.abort(reason);
    };
    await expect(lowtide.restore(big, target, { force: true, signal: stop.signal, onProgress })).rejects.toBe(
      reason,
    );
    expectUntouched();
  });

  it.runIf(isRoot)('refuses a mount point, and a folder with a mount inside it', async () => {
    const target = join(folder, 'disk');
    const below = join(folder, 'holds a mount');
    for (const path of [target, join(below, 'mo unt')]) {
      mkdirSync(path, { recursive: true });
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]);
    }
    try {
      await expect(lowtide.restore(backup, target)).rejects.toEqual(refusal('usage', /is a mount point/));
      await expect(lowtide.restore(backup, below, { force: true })).rejects.toEqual(
        refusal('usage', /mo unt is mounted inside/),
      );
    } finally {
      for (const path of [target, join(below, 'mo unt')]) spawnSync('umount', [path]);
    }
  });

  function plantBig(): string {
    const big = lowtide.newFolder('big');
    for (let i = 0; i < 8; i += 1) writeFileSync(join(big, `part-${i}`), randomBytes(1_000_000));
    return big;
  }
});

describe('the copies', () => {
  it('are tried in turn, and the damaged ones are marked', async () => {
    const content = randomBytes(100_000);
    const backup = await lowtide.backUp(bytesSource(content), { stores: ['near', 'far'] });
    truncateSync(lowtide.pathOf(backup, 'near'), 1000);
    const target = join(folder, 'restored');
    const result = await lowtide.restore(backup, target);
    expect(result.store).toBe('far');
    expect(result.warnings).toEqual([
      expect.stringMatching(/^the copy in store near was passed over: .* it was cut$/),
    ]);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect((await lowtide.backup(backup.id)).copies.map(({ status }) => status)).toEqual(['damaged', 'good']);
    expect(await lowtide.recorded(backup)).toEqual(['backup:verified failed', 'backup:restored completed']);

    rmSync(lowtide.pathOf(backup, 'far'));
    await expect(lowtide.restore(backup, join(folder, 'again'))).rejects.toEqual(
      refusal(
        'verification_failed',
        /no copy of backup .* far: .*no such file any more\. near \(damaged\): .*it was cut/,
      ),
    );
    expect(readdirSync(folder)).toEqual(['restored']);
  });

  it('that cannot be reached are passed over without a mark', async () => {
    const backup = await lowtide.backUp(bytesSource(randomBytes(1000)), { stores: ['near', 'far'] });
    const disk = join(lowtide.folder, 'stores/near');
    renameSync(disk, `${disk}.away`);
    const result = await lowtide.restore(backup, join(folder, 'restored'));
    renameSync(`${disk}.away`, disk);
    expect(result).toMatchObject({
      store: 'far',
      warnings: [
        expect.stringMatching(/^the copy in store near was passed over: store near holds nothing at all/),
      ],
    });
    const stores = new Map([...lowtide.stores].filter(([id]) => id !== 'near'));
    expect(await lowtide.restore(backup, join(folder, 'again'), { stores })).toMatchObject({
      store: 'far',
      warnings: [],
    });
    expect((await lowtide.backup(backup.id)).copies.map(({ status }) => status)).toEqual(['good', 'good']);
    expect(await lowtide.recorded(backup)).toEqual([
      'backup:restored completed',
      'backup:restored completed',
    ]);
  });

  it('of a pruned backup are gone', async () => {
    const backup = await lowtide.backUp(bytesSource(randomBytes(1000)));
    await lowtide.catalog.removeCopy(backup.id, 'near', 'test', 0);
    await expect(lowtide.restore(backup, join(folder, 'restored'))).rejects.toEqual(
      refusal('not_found', /was pruned/),
    );
  });
});

describe('a file', () => {
  const content = randomBytes(300_000);
  let backup: Backup;
  beforeAll(async () => {
    backup = await lowtide.backUp(bytesSource(content));
  });

  it('is exactly what was backed up, for its owner alone', async () => {
    const target = join(folder, 'dump.bin');
    expect((await lowtide.restore(backup, target)).restored).toEqual([target]);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['dump.bin']);
  });

  it('gets its name from the backup inside an existing folder, and one that is asked for with a slash', async () => {
    const name = basename(lowtide.pathOf(backup)).replace('.zst.age', '');
    expect((await lowtide.restore(backup, folder)).restored).toEqual([join(folder, name)]);
    expect((await lowtide.restore(backup, join(folder, 'new/'))).restored).toEqual([
      join(folder, 'new', name),
    ]);
    await expect(lowtide.restore(backup, folder)).rejects.toMatchObject({ code: 'restore_target_exists' });
  });

  it('takes the place, mode and owner of another when forced to, and not otherwise', async () => {
    const target = join(folder, 'dump.bin');
    writeFileSync(target, 'old', { mode: 0o640 });
    if (isRoot) chownSync(target, 1234, 1234);
    await expect(lowtide.restore(backup, target)).rejects.toEqual(
      refusal('restore_target_exists', /exists already/),
    );
    expect(readFileSync(target, 'utf8')).toBe('old');
    await lowtide.restore(backup, target, { force: true });
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(statSync(target)).toMatchObject({ uid: isRoot ? 1234 : process.getuid?.() });
    expect(statSync(target).mode & 0o777).toBe(0o640);
  });

  it('has to be a file', async () => {
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    await expect(lowtide.restore(backup, join(folder, 'pipe'), { force: true })).rejects.toEqual(
      refusal('usage', /is not a file/),
    );
  });
});

describe('a SQLite database', () => {
  let backup: Backup;
  beforeAll(async () => {
    const path = join(lowtide.newFolder('sources'), 'shop.sqlite');
    makeDatabase(path, 'new', { rows: 5000 });
    backup = await lowtide.backUp(sqliteSource({ path }));
  });

  it('comes back as a file', async () => {
    const target = join(folder, 'shop.sqlite');
    await lowtide.restore(backup, target);
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
  });

  it.each(['wal', 'delete'])('takes the place of one in %s mode that others have open', async (mode) => {
    const target = join(folder, 'shop.sqlite');
    makeDatabase(target, 'old', { rows: 10, mode });
    await expect(lowtide.restore(backup, target)).rejects.toMatchObject({ code: 'restore_target_exists' });
    using open = new DatabaseSync(target);
    expect(open.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 10 });
    await lowtide.restore(backup, target, { force: true });
    // The connection that was open all the time sees the new content, as after any other transaction.
    expect(open.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 5000 });
    open.close();
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
    expect(readdirSync(folder)).toEqual(['shop.sqlite']);
  });

  it('takes the place of one in WAL mode with pages of another size', async () => {
    const target = join(folder, 'shop.sqlite');
    makeDatabase(target, 'old', { rows: 10, mode: 'wal', pageSize: 1024 });
    using open = new DatabaseSync(target);
    open.prepare('SELECT count(*) AS n FROM orders').get();
    // The mode cannot be changed as long as somebody has it open.
    setTimeout(() => open.close(), 300);
    await lowtide.restore(backup, target, { force: true });
    expect(open.isOpen).toBe(false);
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
  });

  /** A database whose last transactions are in its log alone, as a killed application leaves it. */
  function leaveLog(target: string, { withDatabase }: { readonly withDatabase: boolean }): void {
    const path = join(lowtide.newFolder('sources'), 'live');
    makeDatabase(path, 'old', { rows: 5000, mode: 'wal' });
    using live = new DatabaseSync(path);
    live.exec("UPDATE orders SET kind = 'in the log'");
    if (withDatabase) cpSync(path, target);
    cpSync(`${path}-wal`, `${target}-wal`);
  }

  it('never meets the log of an old one', async () => {
    const target = join(folder, 'shop.sqlite');
    leaveLog(target, { withDatabase: true });
    await lowtide.restore(backup, target, { force: true });
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
    expect(readdirSync(folder)).toEqual(['shop.sqlite']);
  });

  it('does not go where a log was left without its database, unless forced to', async () => {
    const target = join(folder, 'shop.sqlite');
    leaveLog(target, { withDatabase: false });
    await expect(lowtide.restore(backup, target)).rejects.toEqual(
      refusal('restore_target_exists', /-wal was left by/),
    );
    await lowtide.restore(backup, target, { force: true });
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
    expect(readdirSync(folder)).toEqual(['shop.sqlite']);
  });

  it('takes the place of a file that is no database any more', async () => {
    const target = join(folder, 'shop.sqlite');
    for (const wreck of [
      Buffer.alloc(0),
      randomBytes(20_000),
      Buffer.from('SQLite format 3\0 and then nothing'),
    ]) {
      writeFileSync(target, wreck);
      await lowtide.restore(backup, target, { force: true });
      expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
    }
    expect(readdirSync(folder)).toEqual(['shop.sqlite']);
  });

  it('waits for a writer', async () => {
    const target = join(folder, 'shop.sqlite');
    makeDatabase(target, 'old', { rows: 10, mode: 'delete' });
    using writer = new DatabaseSync(target);
    writer.exec('BEGIN IMMEDIATE');
    const restored = lowtide.restore(backup, target, { force: true });
    // A look of the restore may hold it up for a moment, as any reader may.
    const commit = (): void => {
      try {
        writer.exec('COMMIT');
      } catch {
        setTimeout(commit, 20);
      }
    };
    setTimeout(commit, 300);
    await restored;
    expect(readDatabase(target)).toEqual({ rows: 5000, kind: 'new', check: 'ok' });
  });

  it('that is damaged itself does not spoil a good one', async () => {
    const target = join(folder, 'shop.sqlite');
    makeDatabase(target, 'old', { rows: 10 });
    const image = readFileSync(join(lowtide.folder, 'sources/shop.sqlite'));
    image.fill(0, 8192, 20_000);
    const bad = await lowtide.backUp(bytesSource(image, 'sqlite', 'sqlite'));
    await expect(lowtide.restore(bad, target, { force: true })).rejects.toEqual(
      refusal('verification_failed', /SQLite finds it damaged/),
    );
    expect(readDatabase(target)).toEqual({ rows: 10, kind: 'old', check: 'ok' });
  });
});

it('restores what stock age and zstd restore', async () => {
  const content = randomBytes(100_000);
  const backup = await lowtide.backUp(bytesSource(content));
  const key = join(folder, 'key');
  writeFileSync(key, `${await lowtide.keystore.identity(backup.keyId)}\n`, { mode: 0o600 });
  const byHand = spawnSync('sh', ['-c', 'age -d -i "$1" "$2" | zstd -d', 'sh', key, lowtide.pathOf(backup)]);
  expect(byHand.stdout.equals(content)).toBe(true);
});

/** A tree with everything in it that an archive can lose. */
function plant(root: string): void {
  mkdirSync(join(root, 'größe/leer'), { recursive: true });
  const file = join(root, 'file.txt');
  writeFileSync(file, 'text');
  chmodSync(file, 0o640);
  utimesSync(file, 1_600_000_000.123, 1_600_000_000.123);
  linkSync(file, join(root, 'größe/same file'));
  symlinkSync('../file.txt', join(root, 'größe/link'));
  symlinkSync('/nowhere', join(root, 'dangling'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/latin-1-`), Buffer.from([0xfc])]), 'ü');
  writeFileSync(join(root, 'n'.repeat(200)), randomBytes(70_000));
  writeFileSync(join(root, '-rf'), 'a name like an option');
  writeFileSync(join(root, 'line\nend'), '');
  truncateSync(openNew(join(root, 'sparse')), 50_000_000);
  if (isRoot) chownSync(join(root, '-rf'), 12_345, 54_321);
  chmodSync(join(root, 'größe/leer'), 0o2755);
  for (const argv of [
    ['setfattr', '-n', 'user.note', '-v', 'kept', file],
    ['setfacl', '-m', 'u:daemon:r--', file],
  ]) {
    const end = spawnSync(argv[0]!, argv.slice(1));
    if (end.status !== 0) throw new Error(`${argv.join(' ')}: ${end.stderr.toString()}`);
  }
  chmodSync(root, 0o711);
  utimesSync(root, 1_500_000_000, 1_500_000_000);
}

function openNew(path: string): string {
  writeFileSync(path, '');
  return path;
}

function makeDatabase(
  path: string,
  kind: string,
  { rows, mode = 'delete', pageSize = 4096 }: { rows: number; mode?: string; pageSize?: number },
): void {
  rmSync(path, { force: true });
  using database = new DatabaseSync(path);
  database.exec(`PRAGMA page_size = ${pageSize}; PRAGMA journal_mode = ${mode}`);
  database.exec(
    'CREATE TABLE orders (id INTEGER PRIMARY KEY, kind TEXT); CREATE INDEX by_kind ON orders (kind); BEGIN',
  );
  const insert = database.prepare('INSERT INTO orders (kind) VALUES (?)');
  for (let i = 0; i < rows; i += 1) insert.run(kind);
  database.exec('COMMIT');
}

function readDatabase(path: string): unknown {
  using database = new DatabaseSync(path);
  const content = database.prepare('SELECT count(*) AS rows, min(kind) AS kind FROM orders').get();
  return { ...content, check: database.prepare('PRAGMA integrity_check').get()?.['integrity_check'] };
}
