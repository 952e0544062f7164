import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../exporter/src/process/command.ts';
import { directorySource, type DirectorySourceOptions } from '../../exporter/src/source/directory.ts';
import { dumpSource, type DumpedPart, type DumpOptions } from '../conformance/dump.ts';
import { sourceConformance } from '../conformance/source.ts';
import { describeTree } from './tree.ts';

let folder: string;
let tree: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
  tree = join(folder, 'tree');
  mkdirSync(tree);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const source = (options: Partial<DirectorySourceOptions> = {}): ReturnType<typeof directorySource> =>
  directorySource({ path: tree, exclude: [], unreadable: 'fail', ...options });

async function dump(
  options: Partial<DirectorySourceOptions> = {},
  how: Partial<DumpOptions> = {},
): Promise<DumpedPart> {
  const [main] = await dumpSource(source(options), { folder: join(folder, 'run'), ...how });
  return main!;
}

sourceConformance('directory', () => {
  writeFileSync(join(tree, 'a'), 'data');
  return {
    source: () => source(),
    absent: { source: () => source({ path: join(folder, 'gone') }), code: 'source_unreachable' },
    secrets: [],
    expectWhole: ([main]) => expect(extract(main!).get('./a')).toMatchObject({ content: 'data' }),
  };
});

describe('an archive of a folder', () => {
  it('gives back kinds, contents, modes, owners, links and times to the nanosecond', async () => {
    writeFileSync(join(tree, 'plain'), 'x'.repeat(100_000));
    writeFileSync(join(tree, 'empty'), '');
    writeFileSync(join(tree, '-rf'), 'starts like an option');
    writeFileSync(join(tree, '--checkpoint-action=exec=false'), 'so does this');
    mkdirSync(join(tree, 'deep/er/still'), { recursive: true });
    writeFileSync(join(tree, 'deep/er/still/private'), 'x');
    chmodSync(join(tree, 'deep/er/still/private'), 0o600);
    chmodSync(join(tree, 'plain'), 0o4755);
    chmodSync(join(tree, 'deep/er'), 0o1777);
    symlinkSync('plain', join(tree, 'link'));
    symlinkSync('/no/such/place', join(tree, 'dangling'));
    linkSync(join(tree, 'plain'), join(tree, 'twin'));
    spawnSync('mkfifo', [join(tree, 'fifo')]);
    if (process.getuid?.() === 0) spawnSync('chown', ['12345:54321', join(tree, 'empty')]);
    spawnSync('touch', ['-d', '2001-02-03 04:05:06.123456789 UTC', join(tree, 'empty')]);
    spawnSync('touch', ['-d', '1970-01-02 00:00:00 UTC', join(tree, 'deep')]);
    lutimesSync(join(tree, 'link'), 1e9, 1e9);
    const { warnings, ...main } = await dump();
    expect(warnings).toEqual([]);
    expect(extract({ ...main, warnings })).toEqual(describeTree(tree));
  });

  it('gives back a thousand files with the oddest names', async () => {
    const names = [
      Buffer.from('new\nline'),
      Buffer.from('tab\tand \\ back\\nslash'),
      Buffer.from('ünïcode-🦀-日本語'),
      Buffer.from('u\u0308 decomposed'),
      Buffer.from([0x66, 0xff, 0xfe, 0x80]),
      Buffer.from(' leading and trailing '),
      Buffer.from('*?[a-z]{x,y}'),
      Buffer.from('x'.repeat(255)),
      Buffer.from('./..a'.slice(2)),
      Buffer.from('"quotes\' and `ticks` $HOME'),
    ];
    for (let i = 0; i < 100; i += 1) {
      const parent = Buffer.concat([
        Buffer.from(`${tree}/`),
        names[i % names.length]!,
        Buffer.from(`-${i}`),
      ]).subarray(0, tree.length + 250);
      mkdirSync(parent, { recursive: true });
      for (const name of names)
        writeFileSync(Buffer.concat([parent, Buffer.from('/'), name]), `content ${i}`);
    }
    const long = join(tree, ...Array.from({ length: 12 }, (_, i) => `${i}-${'long'.repeat(20)}`));
    mkdirSync(long, { recursive: true });
    writeFileSync(join(long, 'file'), 'at the end of a path of a thousand characters');
    const archive = await dump();
    const found = extract(archive);
    expect(found.size).toBeGreaterThan(1000);
    expect(found).toEqual(describeTree(tree));
  });

  it('keeps the holes of a sparse file', async () => {
    const sparse = join(tree, 'sparse');
    writeFileSync(sparse, 'head');
    truncateSync(sparse, 64 * 1024 * 1024);
    appendFileSync(sparse, 'tail');
    const archive = await dump();
    expect(statSync(archive.path).size).toBeLessThan(1024 * 1024);
    expect(extract(archive)).toEqual(describeTree(tree));
    expect(statSync(join(folder, 'extracted/sparse')).blocks).toBeLessThan(1000);
  });

  it('keeps extended attributes and ACLs where the file system has them', async ({ skip }) => {
    const file = join(tree, 'labelled');
    writeFileSync(file, 'x');
    const set = spawnSync('setfattr', ['-n', 'user.origin', '-v', 'somewhere', file]);
    const acl = spawnSync('setfacl', ['-m', 'u:12345:r', file]);
    if (set.status !== 0 || acl.status !== 0) skip('this file system has neither');
    extract(await dump());
    const copy = join(folder, 'extracted/labelled');
    expect(spawnSync('getfattr', ['-n', 'user.origin', copy]).stdout.toString()).toContain('"somewhere"');
    expect(spawnSync('getfacl', ['-n', copy]).stdout.toString()).toContain('user:12345:r--');
  });

  it('is the same, byte by byte, for the same folder', async () => {
    for (const name of ['b', 'a', 'é', 'C']) writeFileSync(join(tree, name), name);
    const first = readFileSync((await dump()).path);
    readFileSync(join(tree, 'a'));
    expect(readFileSync((await dump()).path).equals(first)).toBe(true);
  });

  it('leaves sockets out without a word', async () => {
    const server = createServer().listen(join(tree, 'socket'));
    await once(server, 'listening');
    const archive = await dump();
    server.close();
    expect(archive.warnings).toEqual([]);
    expect([...extract(archive).keys()]).toEqual(['.']);
  });

  it('may be of one file, and of a file behind a link, whatever its name', async () => {
    writeFileSync(join(tree, '-C'), 'one');
    symlinkSync('-C', join(tree, 'current'));
    for (const name of ['-C', 'current']) {
      const found = extract(await dump({ path: join(tree, name) }));
      expect([...found.keys()]).toEqual(['.', './-C']);
    }
  });
});

describe('what is excluded', () => {
  beforeEach(() => {
    for (const path of [
      'cache/x',
      'var/cache/x',
      'var/log/a.log',
      'var/log/old/b.log',
      'src/node_modules/m',
      'we[i]rd/x',
    ]) {
      mkdirSync(join(tree, path, '..'), { recursive: true });
      writeFileSync(join(tree, path), '');
    }
  });

  it.each<[patterns: readonly string[], gone: readonly string[]]>([
    [['cache'], ['cache/x', 'var/cache/x']],
    [['/cache'], ['cache/x']],
    [['./cache/'], ['cache/x']],
    [['var/cache'], ['var/cache/x']],
    [['*.log'], ['var/log/a.log', 'var/log/old/b.log']],
    [['var/*.log'], []],
    [['var/*/*.log'], ['var/log/a.log']],
    [['var/*'], ['var/cache/x', 'var/log/a.log', 'var/log/old/b.log']],
    [
      ['node_modules', '/cache'],
      ['src/node_modules/m', 'cache/x'],
    ],
    [
      ['/cache', 'x'],
      ['cache/x', 'var/cache/x', 'we[i]rd/x'],
    ],
    [['we\\[i\\]rd'], ['we[i]rd/x']],
    [['tree'], []],
    [['ache'], []],
  ])('by %j is exactly what it shows', async (exclude, gone) => {
    const all = filesIn(extract(await dump()));
    const left = filesIn(extract(await dump({ exclude })));
    expect(all.filter((path) => !left.includes(path)).sort()).toEqual(gone.map((path) => `./${path}`).sort());
  });
});

describe('a folder that changes or resists while it is read', () => {
  it('is whole with a warning when a file grows', async () => {
    const growing = join(tree, 'growing');
    writeFileSync(growing, manyRecords);
    const archive = await dump({}, { wrap: changingUnderway(`echo more >> ${growing}`) });
    expect(archive.warnings).toEqual(['./growing: file changed as we read it']);
    expect(filesIn(extract(archive))).toContain('./growing');
  });

  it('is whole with a warning when a file shrinks', async () => {
    const shrinking = join(tree, 'shrinking');
    writeFileSync(shrinking, manyRecords);
    const archive = await dump({}, { wrap: changingUnderway(`truncate -s 1024 ${shrinking}`) });
    expect(archive.warnings[0]).toMatch(/^\.\/shrinking: File shrank by \d+ bytes; padding with zeros$/);
  });

  it('is whole with a warning when files vanish', async () => {
    writeFileSync(join(tree, 'large'), manyRecords);
    for (let i = 0; i < 30; i += 1) writeFileSync(join(tree, `small-${i}`), '');
    const archive = await dump({}, { wrap: changingUnderway(`rm -f ${tree}/small-*`) });
    expect(archive.warnings).toContain('./small-0: File removed before we read it');
    expect(archive.warnings).toHaveLength(21);
    expect(filesIn(extract(archive))).toEqual(['./large']);
  });

  it('fails when the folder itself vanishes', async () => {
    writeFileSync(join(tree, 'a'), 'x');
    await expect(
      dump({}, { started: () => rmSync(tree, { recursive: true, force: true }) }),
    ).rejects.toMatchObject({
      code: 'source_failed',
    });
  });

  it('fails, naming them, when files cannot be read', async () => {
    makeUnreadable();
    await expect(dump({}, { wrap: asNobody })).rejects.toMatchObject({
      code: 'source_unreadable',
      message: expect.stringMatching(
        /cannot be read: \.\/closed: Permission denied; \.\/sécret: Permission denied$/,
      ) as string,
      hint: expect.stringContaining('unreadable: skip') as string,
    });
  });

  it('names twenty of them at most', async () => {
    chmodSync(folder, 0o755);
    for (let i = 0; i < 30; i += 1) writeFileSync(join(tree, String(i)), 'x', { mode: 0 });
    await expect(dump({}, { wrap: asNobody })).rejects.toMatchObject({
      message: expect.stringMatching(/; and 10 more$/) as string,
    });
  });

  it('is stored without them, with warnings, when that is wanted', async () => {
    makeUnreadable();
    const archive = await dump({ unreadable: 'skip' }, { wrap: asNobody });
    expect(archive.warnings).toEqual([
      'left out: ./closed: Permission denied',
      'left out: ./sécret: Permission denied',
    ]);
    expect(filesIn(extract(archive))).toEqual(['./open']);
  });

  it.each<[what: string, path: () => string, message: RegExp]>([
    ['missing', () => join(tree, 'gone'), /there is no folder/],
    ['below a file', () => join(tree, 'file/x'), /there is no folder/],
    ['a device', () => '/dev/null', /neither a folder nor a file/],
  ])('is refused when it is %s', async (_, path, message) => {
    writeFileSync(join(tree, 'file'), '');
    await expect(dump({ path: path() })).rejects.toMatchObject({
      code: 'source_unreachable',
      message: expect.stringMatching(message) as string,
    });
  });

  function makeUnreadable(): void {
    chmodSync(folder, 0o755);
    writeFileSync(join(tree, 'open'), '');
    writeFileSync(join(tree, 'sécret'), '', { mode: 0 });
    mkdirSync(join(tree, 'closed'), { mode: 0 });
  }
});

/** Nobody, since root may read everything. */
function asNobody(command: Command): Command {
  if (process.getuid?.() !== 0) return command;
  return {
    ...command,
    argv: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...command.argv],
  };
}

/** A tar record is 64 KiB: this takes a few of them. */
const manyRecords = Buffer.alloc(2 * 1024 * 1024, 'x');

/** Has tar itself run the script at each record it has written, so that the moment is not left to luck. */
function changingUnderway(script: string): (command: Command) => Command {
  return (command) => {
    const [tar, ...args] = command.argv;
    return { ...command, argv: [tar, '--checkpoint=1', `--checkpoint-action=exec=${script}`, ...args] };
  };
}

function filesIn(entries: ReturnType<typeof describeTree>): readonly string[] {
  return [...entries].filter(([, entry]) => entry.kind === 'file').map(([path]) => path);
}

/** Unpacks the archive and describes what came out. */
function extract({ path }: DumpedPart): ReturnType<typeof describeTree> {
  const target = join(folder, 'extracted');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  const end = spawnSync(
    'tar',
    ['-x', '-f', path, '-C', target, '-p', '--xattrs', '--acls', '--numeric-owner'],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    },
  );
  expect(end.stderr).toBe('');
  return describeTree(target);
}
