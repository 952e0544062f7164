import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, formatProblem } from './problem.ts';
import { readConfig } from './read.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lowtide-config-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(text: string, name = 'lowtide.yaml'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

const small = `
encryption: { passphrase: "\${env:PASSPHRASE}" }
stores: { local: { type: directory, path: ./backups } }
schedules:
  - { id: a, source: { type: directory, path: ./data }, every: 1d, stores: [local], keep: { last: 3 } }
`;

describe('readConfig', () => {
  it('fills in defaults, reads units and makes paths absolute from the folder of the file', async () => {
    const file = await write(small);
    const loaded = await readConfig(relative(process.cwd(), file), { PASSPHRASE: 'hunter2' });
    expect(loaded.file).toBe(file);
    expect(loaded.warnings).toEqual([]);
    expect(loaded.config).toEqual({
      instance: hostname(),
      state: join(folder, 'data/state'),
      local: join(folder, 'data/state'),
      server: { listen: '127.0.0.1:10210', tokens: [], cors_origins: [] },
      load: {
        sample_interval: 15_000,
        high_water: {
          cpu: 0.75,
          memory: 0.9,
          disk: 0.8,
          pressure: { cpu: 0.5, memory: 0.1, disk: 0.4 },
        },
        slow_down: { cpu: 0.85, pressure: { cpu: 0.6, memory: 0.2, disk: 0.5 } },
        hosts: {},
      },
      networks: {},
      servers: {},
      pools: [],
      restore_targets: {},
      drills: { folder: '/var/tmp' },
      encryption: {
        keystore: join(folder, 'data/keys'),
        passphrase: 'hunter2',
        recovery_recipients: [],
        config_copy: 'full',
      },
      stores: { local: { type: 'directory', path: join(folder, 'backups') } },
      schedules: [
        {
          id: 'a',
          source: { type: 'directory', path: join(folder, 'data'), exclude: [], unreadable: 'fail' },
          every: 86_400_000,
          timezone: Temporal.Now.timeZoneId(),
          priority: 'medium',
          max_delay: 21_600_000,
          on_deadline: 'run',
          run: { nice: 10, io_priority: 'low', pause: true },
          estimated_duration: 1_800_000,
          resources: { cpu: 0.25, memory: 0.1 },
          stores: ['local'],
          keep: { last: 3 },
          verify: { after_backup: true },
        },
      ],
    });
  });

  it('freezes all of it', async () => {
    const { config } = await readConfig(await write(small), { PASSPHRASE: 'hunter2' });
    const all: unknown[] = [config];
    for (const value of all) {
      if (typeof value !== 'object' || value === null) continue;
      expect(Object.isFrozen(value)).toBe(true);
      all.push(...(Object.values(value) as unknown[]));
    }
    expect(all.length).toBeGreaterThan(30);
  });

  it('takes values from variables and files, several in one text', async () => {
    await write('s3cret/word\r\n', 'password');
    const loaded = await readConfig(
      await write(`
encryption: { passphrase: "a \${env:ONE}-\${env:ONE} $\${b}" }
stores: { local: { type: directory, path: "\${env:ROOT}/backups" } }
schedules:
  - id: a
    source: { type: command, argv: [./dump, "\${env:ROOT}"], env: { PASSWORD: "\${file:password}" } }
    every: "\${env:INTERVAL}"
    stores: [local]
    keep: { last: 3 }
`),
      { ONE: '1', ROOT: '/mnt/usb', INTERVAL: '12h' },
    );
    expect(loaded.config.encryption.passphrase).toBe('a 1-1 ${b}');
    expect(loaded.config.stores['local']).toMatchObject({ path: '/mnt/usb/backups' });
    expect(loaded.config.schedules[0]).toMatchObject({
      every: 43_200_000,
      source: { argv: [join(folder, 'dump'), '/mnt/usb'], env: { PASSWORD: 's3cret/word' } },
    });
  });

  it('reads a secret once, as it may come from a pipe', async () => {
    await write('hunter2', 'secret');
    const text = small.replace('${env:PASSPHRASE}', '${file:secret}${file:secret}');
    const loaded = await readConfig(await write(text), {});
    expect(loaded.config.encryption.passphrase).toBe('hunter2hunter2');
  });

  it('takes secrets out of texts: the whole, the password in a URL in each spelling, and in JSON', async () => {
    const { redact } = await readConfig(
      await write(`
encryption: { passphrase: "\${env:PASSPHRASE}" }
stores: { local: { type: directory, path: ./backups } }
schedules:
  - { id: a, source: { type: postgres, url: "\${env:URL}" }, every: 1d, stores: [local], keep: { last: 3 } }
  - { id: b, source: { type: command, argv: [x], env: { LANG: C.UTF-8, PW: "\${env:OTHER}" } }, every: 1d, stores: [local], keep: { last: 3 } }
`),
      { PASSPHRASE: 'say "friend"', URL: 'postgres://app:p%40ss-word@db1/app', OTHER: 'open sesame' },
    );
    expect(redact('connecting to postgres://app:p%40ss-word@db1/app')).toBe('connecting to [redacted]');
    expect(redact('FATAL: password "p@ss-word" (p%40ss-word) of app on db1')).toBe(
      'FATAL: password "[redacted]" ([redacted]) of app on db1',
    );
    expect(redact(JSON.stringify({ passphrase: 'say "friend"' }))).toBe('{"passphrase":"[redacted]"}');
    expect(redact('LANG=C.UTF-8 PW=open sesame')).toBe('LANG=C.UTF-8 PW=[redacted]');
  });

  it('warns of what works and is perhaps not meant', async () => {
    const file = await write(`
encryption: { passphrase: "hunter2" }
stores:
  local: { type: directory, path: ./backups }
  spare: { type: directory, path: ./spare }
  unused: { type: directory, path: ./unused }
schedules:
  - id: a
    source: { type: postgres, url: "postgres://app:hunter2@db1/app" }
    every: 30m
    window: 02:00-02:30
    estimated_duration: 45m
    stores: [local]
  - id: b
    source: { type: command, argv: [x, "\${file:secret}", "\${env:HOME}"], env: { TOKEN: hunter2, LANG: C } }
    every: 1d
    stores: [local]
    keep: {}
  - id: c
    source: { type: mysql, url: "mysql://app:\${file:secret}@db1/app" }
    every: 1d
    stores: [local]
    keep: { last: 1 }
  - id: d
    source: { type: directory, path: /etc }
    every: 1d
    stores: [local, spare]
    keep: { last: 1, stores: { spare: {} } }
`);
    await write('hunter2-the-other', 'secret');
    await chmod(file, 0o644);
    const { warnings } = await readConfig(file, { HOME: '/root' });
    expect(warnings.map((warning) => formatProblem('lowtide.yaml', warning))).toEqual([
      'lowtide.yaml:2:1: this file holds a secret in clear, and other users may read it: chmod 600',
      'lowtide.yaml:2:27 encryption.passphrase: holds a secret in clear: move it to a variable or a file, and write ${env:NAME} or ${file:PATH}',
      'lowtide.yaml:6:3 stores.unused: is used by no schedule',
      'lowtide.yaml:8:5 schedules[0].keep: names no rule: every backup stays, until the store is full',
      'lowtide.yaml:9:36 schedules[0].source.url: holds a secret in clear: move it to a variable or a file, and write ${env:NAME} or ${file:PATH}',
      'lowtide.yaml:10:12 schedules[0].every: is shorter than the estimate of 45m: the next backup is due before one is done',
      'lowtide.yaml:11:13 schedules[0].window: is 30m long, shorter than the estimate of 45m: backups will end after it',
      'lowtide.yaml:15:40 schedules[1].source.argv[1]: puts a secret on a command line, which every user of this machine can read: hand it over in env',
      'lowtide.yaml:15:88 schedules[1].source.env.TOKEN: holds a secret in clear: move it to a variable or a file, and write ${env:NAME} or ${file:PATH}',
      'lowtide.yaml:18:11 schedules[1].keep: names no rule: every backup stays, until the store is full',
      'lowtide.yaml:28:11 schedules[3].keep: names no rule for spare: every backup stays there, until the store is full',
    ]);
  });

  it('knows the password in the address of a Prometheus for a secret', async () => {
    const prometheus = (host: string): string => `{ prometheus: { url: 'http://bob:${host}.test/p' } }`;
    const file = await write(`
load: { alerts: ${prometheus('hunter2@alerts')}, hosts: { db1: ${prometheus('${env:PASSWORD}@db1')} } }
schedules: []
`);
    const { warnings, redact } = await readConfig(file, { PASSWORD: 'hunter3' });
    expect(warnings.map((warning) => formatProblem('lowtide.yaml', warning))).toContainEqual(
      expect.stringMatching(/load\.alerts\.prometheus\.url: holds a secret in clear/),
    );
    expect(JSON.stringify(warnings)).not.toContain('db1');
    expect(redact('hunter2, hunter3')).toBe('[redacted], [redacted]');
  });

  it('guesses that a backup takes half an hour, or all the time that there is to the next one', async () => {
    const { config, warnings } = await readConfig(
      await write(`
stores: { local: { type: directory, path: ./backups } }
schedules:
  - { id: often, source: { type: directory, path: /etc }, every: 4m, stores: [local], keep: { last: 1 } }
  - { id: hourly, source: { type: directory, path: /etc }, every: 1h, stores: [local], keep: { last: 1 } }
  - { id: known, source: { type: directory, path: /etc }, every: 4m, estimated_duration: 1m, stores: [local], keep: { last: 1 } }
  - { id: quarterly, source: { type: directory, path: /etc }, cron: '*/15 * * * *', stores: [local], keep: { last: 1 } }
  - { id: uneven, source: { type: directory, path: /etc }, cron: '50 23,0 * * *', stores: [local], keep: { last: 1 } }
  - { id: twice, source: { type: directory, path: /etc }, cron: '5,10 0,23 * * *', stores: [local], keep: { last: 1 } }
encryption: { recovery_recipients: [], passphrase: "\${env:PW}" }
`),
      { PW: 'friend' },
    );
    expect(config.schedules.map((schedule) => schedule.estimated_duration)).toEqual([
      240_000, 1_800_000, 60_000, 900_000, 1_800_000, 300_000,
    ]);
    expect(warnings).toEqual([]);
  });

  it('warns of a config that does nothing, and of one that cannot open its backups', async () => {
    const { warnings } = await readConfig(await write('stores: {}\nschedules: []\n'), {});
    expect(warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'encryption.passphrase is missing: without it no key can be made, and no backup verified',
      'schedules is empty: nothing will be backed up',
    ]);
  });

  it('warns of a host without a name of its own whose state others share', async () => {
    const shared = 'state: postgres://db1/lowtide\nstores: {}\nschedules: []\n';
    const warned = async (text: string): Promise<readonly string[]> =>
      (await readConfig(await write(text), {})).warnings.map(({ path }) => path);
    expect(await warned(shared)).toContain('instance');
    expect(await warned(`instance: db1\n${shared}`)).not.toContain('instance');
  });

  it('warns of a repository that would grow without end, and asks for no passphrase where nothing is sealed', async () => {
    const source = 'type: restic, repository: /srv/restic, password_file: /etc/pw';
    const yaml = `schedules:
  - { id: a, source: { ${source}, paths: [/srv] }, every: 1d }
  - { id: b, source: { ${source}, paths: [/srv], exclude: [/srv/restic] }, every: 1d, keep: { last: 1 } }
  - { id: c, source: { ${source}, paths: [/srv/rest, /srv/restic-not] }, every: 1d, keep: { last: 1 } }
  - { id: d, source: { type: pgbackrest, stanza: main }, every: 1d }
`;
    const { warnings, config } = await readConfig(await write(yaml), {});
    expect(warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'schedules[0].keep names no rule: every snapshot stays, until the repository is full',
      'schedules[0].source.repository lies in what is backed up: move it, or exclude it',
    ]);
    expect(config.stores).toEqual({});
    const { redact } = await readConfig(
      await write(yaml.replace('/srv/restic, pass', 'rest:https://me:hunter2@nas/, pass')),
      {},
    );
    expect(redact('https://me:hunter2@nas/')).not.toContain('hunter2');
  });

  it('says which file is missing, and what to do', async () => {
    await expect(readConfig(join(folder, 'none.yaml'), {})).rejects.toMatchObject({
      code: 'config_missing',
      message: `there is no file ${folder}/none.yaml`,
      hint: expect.stringContaining('lowtide init') as string,
    });
    await expect(readConfig(folder, {})).rejects.toMatchObject({
      code: 'config_missing',
      message: `cannot read ${folder} (EISDIR)`,
    });
  });

  it('refuses what is no text', async () => {
    const file = join(folder, 'lowtide.yaml');
    await writeFile(file, Buffer.from([0xff, 0xfe, 0x00, 0x61]));
    await expect(readConfig(file, {})).rejects.toThrow(`${file}:1:1: is no UTF-8 text`);
  });

  it('reads a file with a byte order mark and line ends of Windows', async () => {
    const file = await write(`\uFEFF${small.replaceAll('\n', '\r\n')}`);
    const { config } = await readConfig(file, { PASSPHRASE: 'x' });
    expect(config.schedules).toHaveLength(1);
  });

  it('says why a secret cannot be had, and never what others are', async () => {
    await writeFile(join(folder, 'binary'), Buffer.from([0xff, 0x00]));
    await writeFile(join(folder, 'empty'), '\n');
    const file = await write(`
encryption: { passphrase: "hunter2 \${env:UNSET}" }
stores:
  a: { type: directory, path: "\${env:EMPTY}" }
  b: { type: directory, path: "\${file:none}" }
  c: { type: directory, path: "\${file:empty}" }
  d: { type: directory, path: "\${file:binary}" }
  e: { type: directory, path: "\${file:.}" }
schedules: []
`);
    const error = await readConfig(file, { EMPTY: '' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'encryption.passphrase: ${env:UNSET} is not set: set the variable where lowtide is started',
      'stores.a.path: ${env:EMPTY} is set, but empty',
      'stores.b.path: ${file:none} does not exist: create the file, or correct the path (relative ones are meant from the folder of this file)',
      'stores.c.path: ${file:empty} is empty',
      'stores.d.path: ${file:binary} is no UTF-8 text: a secret is text, without zero bytes',
      'stores.e.path: ${file:.} is a folder',
    ]);
  });

  it('finds a store inside of what is backed up behind a symbolic link', async () => {
    await mkdir(join(folder, 'srv/backups'), { recursive: true });
    await symlink(join(folder, 'srv/backups'), join(folder, 'link'));
    const file = await write(`
stores: { local: { type: directory, path: ./link/db1 } }
schedules:
  - { id: a, source: { type: directory, path: ./srv }, every: 1d, stores: [local] }
`);
    await expect(readConfig(file, {})).rejects.toThrow(
      'schedules[0].source.path: "./srv" holds store local, and so would back up its own backups: exclude backups/db1/, or move the store',
    );
  });
});
