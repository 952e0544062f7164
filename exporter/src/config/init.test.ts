import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initialConfig, writeInitialFiles } from './init.ts';
import { parseConfig, readConfig } from './read.ts';

const schema = './lowtide.schema.json';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lowtide-init-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Takes the comment signs off the examples, and leaves the sentences. */
function withExamples(text: string): string {
  return text.replaceAll(/^( *)# ( *(?:- )?[a-z_]+:(?: .*)?)$/gm, '$1$2');
}

function parse(text: string, file = '/srv/lowtide.yaml'): ReturnType<typeof parseConfig> {
  return parseConfig(text, {
    file,
    host: { name: 'db1', timezone: 'UTC' },
    resolveSecret: ({ name }) => ({
      value: name === 'DATABASE_URL' ? 'postgres://app@db1/app' : 'hunter2hunter2hunter2',
    }),
  });
}

describe('initialConfig', () => {
  const plain = initialConfig({ instance: 'db1', source: '.', exclude: ['./data'], schema });

  it('is a config without mistakes and without warnings', () => {
    const { config, warnings } = parse(plain);
    expect(warnings).toEqual([]);
    expect(config.schedules).toMatchObject([
      { id: 'files', source: { type: 'directory', path: '/srv', exclude: ['./data'] }, stores: ['local'] },
    ]);
  });

  it('shows every kind of source in examples that work', () => {
    const { config, warnings } = parse(withExamples(plain));
    expect(config.schedules.map(({ source }) => source.type)).toEqual([
      'directory',
      'postgres',
      'mysql',
      'sqlite',
      'command',
    ]);
    expect(Object.keys(config.stores)).toEqual(['local', 'usb']);
    expect(warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'stores.usb is used by no schedule',
    ]);
  });

  it('names its schema to editors on its first line', () => {
    expect(plain.split('\n')[0]).toBe(`# yaml-language-server: $schema=${schema}`);
  });

  it('takes any name of a host and any folder', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((instance) => instance !== '*'),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (instance, name) => {
          const source = `/mnt/${name}`;
          const { config } = parse(initialConfig({ instance, source, exclude: [name], schema }));
          expect(config.instance).toBe(instance);
          expect(config.schedules[0]?.source).toMatchObject({ exclude: [name] });
        },
      ),
    );
  });
});

describe('writeInitialFiles', () => {
  it('writes a config that works at once, and a passphrase that only its owner reads', async () => {
    const { configFile, passphraseFile } = await writeInitialFiles(folder, { instance: 'db1', schema });
    const { config, warnings } = await readConfig(configFile, {});
    expect(warnings).toEqual([]);
    expect(config.instance).toBe('db1');
    expect(config.encryption.passphrase).toMatch(/^[\w-]{43}$/);
    expect(await readFile(passphraseFile, 'utf8')).toBe(`${config.encryption.passphrase ?? ''}\n`);
    expect((await stat(passphraseFile)).mode & 0o777).toBe(0o600);
    expect((await stat(configFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
  });

  it('makes the folder where it is missing, and a passphrase of its own each time', async () => {
    const one = await writeInitialFiles(join(folder, 'a/b'), { instance: 'db1', schema });
    const two = await writeInitialFiles(join(folder, 'c'), { instance: 'db1', schema });
    expect(await readFile(one.passphraseFile, 'utf8')).not.toBe(await readFile(two.passphraseFile, 'utf8'));
  });

  it('backs up the folder that is named, without its own data where that lies inside', async () => {
    const { configFile } = await writeInitialFiles(join(folder, 'etc/lowtide'), {
      instance: 'db1',
      schema,
      source: folder,
    });
    expect((await readConfig(configFile, {})).config.schedules[0]?.source).toMatchObject({
      path: folder,
      exclude: ['./etc/lowtide/data'],
    });
    const other = await writeInitialFiles(join(folder, 'other'), { instance: 'db1', schema, source: '/etc' });
    expect((await readConfig(other.configFile, {})).config.schedules[0]?.source).toMatchObject({
      path: '/etc',
      exclude: [],
    });
  });

  it.each(['lowtide.yaml', 'data/keystore-passphrase'])(
    'refuses to write over %s, and changes nothing',
    async (name) => {
      await mkdir(join(folder, 'data'), { mode: 0o755 });
      await writeFile(join(folder, name), 'mine');
      const before = await readdir(folder, { recursive: true });
      await expect(writeInitialFiles(folder, { instance: 'db1', schema })).rejects.toMatchObject({
        code: 'config_exists',
        message: `${join(folder, name)} exists already`,
      });
      expect(await readdir(folder, { recursive: true })).toEqual(before);
      expect(await readFile(join(folder, name), 'utf8')).toBe('mine');
    },
  );

  it('lets one of two that start at once win, with both of its files', async () => {
    const both = await Promise.allSettled(
      ['one', 'two'].map((instance) => writeInitialFiles(folder, { instance, schema })),
    );
    const lost = both.filter((result) => result.status === 'rejected');
    expect(lost).toMatchObject([{ reason: { code: 'config_exists' } }]);
    expect((await readConfig(join(folder, 'lowtide.yaml'), {})).warnings).toEqual([]);
  });

  it('leaves nothing behind where it cannot write', async () => {
    const blocked = join(folder, 'file');
    await writeFile(blocked, '');
    await expect(writeInitialFiles(join(blocked, 'sub'), { instance: 'db1', schema })).rejects.toMatchObject({
      code: 'output_failed',
      message: expect.stringContaining('ENOTDIR') as string,
    });
    expect(await readdir(folder)).toEqual(['file']);
  });
});
