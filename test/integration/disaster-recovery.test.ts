import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Azurite } from '../servers/azurite.ts';
import { writeConfig } from '../servers/installation.ts';
import { program } from '../servers/programs.ts';
import { S3Double } from '../servers/s3.ts';
import { azureYaml } from './object-stores.ts';

const main = program('exporter/src/cli/main.ts');
const page = readFileSync(new URL('../../exporter/docs/disaster-recovery.md', import.meta.url), 'utf8');
const run = promisify(execFile);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lowtide-disaster-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin', 'lowtide'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
});
afterEach(() => rmSync(root, { recursive: true }));

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/** As somebody types it into a shell of a machine: a folder of its own, and nothing of this process' environment. */
async function shell(folder: string, text: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  mkdirSync(folder, { recursive: true });
  return await run('sh', ['-eu', '-c', text], {
    cwd: folder,
    env: { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: folder, ...env },
  });
}

/** The commands under a heading of the page, one block after the other. */
function commandsOf(heading: string): readonly string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
}

/** Runs `lowtide serve` until it is up. */
async function serves(folder: string, env: Readonly<Record<string, string>>): Promise<void> {
  const PATH = `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`;
  const child = spawn('lowtide', ['serve', '--web.listen-address', '127.0.0.1:0', '--log.format', 'json'], {
    cwd: folder,
    env: { PATH, ...env },
  });
  let log = '';
  const up = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (log.includes('lowtide is up')) resolve();
      });
    }
  });
  const exit = once(child, 'exit');
  await Promise.race([up, exit]);
  child.kill('SIGTERM');
  await exit;
  expect(log).toContain('lowtide is up');
}

describe('docs/disaster-recovery.md', () => {
  it('leads from a store and a recovery key to the data, the schedules, and a service that goes on', async () => {
    const old = join(root, 'old-host');
    const SAFE = join(root, 'safe');
    const source = join(root, 'precious');
    for (const folder of [SAFE, source]) mkdirSync(folder);
    writeFileSync(join(source, 'data'), 'what must not be lost');
    await shell(old, `lowtide init --source "${source}"`);
    for (const text of commandsOf('Before')) await shell(old, text, { SAFE });
    const config = readFileSync(join(old, 'lowtide.yaml'), 'utf8');

    // The fire: the disk of the store is all that is left, and the key in the safe.
    const STORE = join(root, 'rescued');
    await run('mv', [join(old, 'data', 'backups'), STORE]);
    rmSync(old, { recursive: true });
    rmSync(source, { recursive: true });

    const host = join(root, 'new-host');
    const [variables = '', ...steps] = commandsOf('After');
    expect(variables.match(/^export (STORE|RECOVERY_KEY)=/gm)).toHaveLength(2);
    const env = { STORE, RECOVERY_KEY: join(SAFE, 'recovery.key') };
    for (const text of steps) {
      const [before = '', serve] = text.split(/^lowtide serve$/m);
      // What was restored is moved to where the config expects it, as the page says.
      if (before.includes('lowtide backup files')) await run('cp', ['-a', join(host, 'restored'), source]);
      await shell(host, before, env);
      if (serve !== undefined) await serves(host, env);
    }
    expect(readFileSync(join(host, 'restored', 'data'), 'utf8')).toBe('what must not be lost');
    const recovered = readFileSync(join(host, 'lowtide.yaml'), 'utf8');
    expect(recovered).toContain(STORE);
    expect(recovered.replace(JSON.stringify(STORE), './data/backups')).toBe(config);
    const { stdout } = await shell(host, 'lowtide backups --json', env);
    expect(JSON.parse(stdout)).toHaveLength(2);
    const [byHand = ''] = commandsOf('What comes back, and what does not');
    expect((await shell(host, byHand, env)).stdout.trimEnd()).toBe(recovered.trimEnd());
  }, 180_000);
});

describe('lowtide init --recover', () => {
  it('begins anew from a bucket, with the secrets, the schedules of the API, and what was paused', async () => {
    await using s3 = await S3Double.start();
    const bucket = await s3.freshBucket();
    const old = join(root, 'bucket-old');
    const host = join(root, 'bucket-new');
    await shell(
      old,
      'age-keygen -o key; mkdir files; echo tide > files/a; printf "s3cret-password\\n" > password',
    );
    const { stdout: recipient } = await shell(old, 'age-keygen -y key');
    writeFileSync(
      join(old, 'lowtide.yaml'),
      `# The tides.
instance: harbour
state: ./state
encryption:
  keystore: ./keys
  passphrase: "\${env:PASSPHRASE}"
  recovery_recipients: [${recipient.trim()}]
stores:
  offsite:
    type: s3
    provider: double
    bucket: ${bucket}
    region: ${s3.region}
    prefix: hosts/harbour
    endpoint: http://127.0.0.1:1
    path_style: true
    access_key_id: "\${env:KEY_ID}"
    secret_access_key: "\${file:${old}/s3}"
schedules:
  - { id: files, source: { type: directory, path: ./files }, every: 1d, stores: [offsite] }
  - { id: db, source: { type: postgres, url: "postgres://app:\${file:password}@127.0.0.1:1/app" }, every: 1d, stores: [offsite] }
`.replace('http://127.0.0.1:1\n', `${s3.endpoint}\n`),
      { mode: 0o600 },
    );
    const secrets = { PASSPHRASE: 'of the old keystore', KEY_ID: s3.accessKeyId };
    writeFileSync(join(old, 's3'), s3.secretAccessKey, { mode: 0o600 });
    await shell(old, 'lowtide keys new; lowtide backup files', secrets);

    const STORE = `s3://${bucket}/hosts/harbour?region=${s3.region}&endpoint=${encodeURIComponent(s3.endpoint)}&path_style=true`;
    const env = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey, STORE };
    const KEY = join(root, 'bucket-key');
    await run('mv', [join(old, 'key'), KEY]);
    rmSync(old, { recursive: true });
    const { stdout } = await shell(host, `lowtide --json init --recover "$STORE" --identity ${KEY}`, env);
    expect(JSON.parse(stdout)).toMatchObject({ instance: 'harbour', good: 1, damaged: 0, problems: [] });

    const config = readFileSync(join(host, 'lowtide.yaml'), 'utf8');
    expect(config).toContain('# The tides.');
    expect(readFileSync(join(host, 'password'), 'utf8')).toBe('s3cret-password\n');
    const recovered = readdirSync(join(host, 'data', 'recovered')).map((name) => [
      name,
      readFileSync(join(host, 'data', 'recovered', name), 'utf8').trim(),
    ]);
    expect(new Map(recovered as [string, string][]).get('env-KEY_ID')).toBe(s3.accessKeyId);
    expect(recovered.map(([, content]) => content)).toContain(s3.secretAccessKey);
    // The passphrase of a keystore that is gone is of no use to anybody.
    expect(JSON.stringify(recovered)).not.toContain('of the old keystore');
    // Now without the SDK's own chain: by what was recovered.
    await shell(host, 'lowtide restore "$(lowtide --json backups | jq -r .[0].id)" --to ./restored');
    expect(readFileSync(join(host, 'restored', 'a'), 'utf8')).toBe('tide\n');
    const keys = JSON.parse((await shell(host, 'lowtide --json keys')).stdout) as Record<string, unknown>[];
    const here = keys.filter(({ state }) => state !== 'lost');
    expect(here.map(({ purpose, state }) => `${String(purpose)} ${String(state)}`)).toEqual([
      'recovery retiring',
      'backup active',
    ]);

    await expect(shell(host, `lowtide init --recover "$STORE" --identity ${KEY}`, env)).rejects.toMatchObject(
      {
        code: 2,
      },
    );
    await shell(root, 'age-keygen -o other-key');
    await expect(
      shell(join(root, 'nowhere'), `lowtide init --recover "$STORE" --identity ${root}/other-key`, env),
    ).rejects.toThrow('none of 1 identities opens this file');
    expect(existsSync(join(root, 'nowhere', 'lowtide.yaml'))).toBe(false);
  }, 120_000);

  it('begins anew from a container of Azure', async () => {
    await using azurite = await Azurite.start();
    const container = await azurite.freshContainer();
    const old = join(root, 'azure-old');
    const host = join(root, 'azure-new');
    const KEY = join(root, 'azure-key');
    await shell(old, `age-keygen -o ${KEY}; echo tide > data`);
    const { stdout: recipient } = await shell(old, `age-keygen -y ${KEY}`);
    const source = `source: { type: directory, path: FOLDER }`;
    writeConfig(old, `  - { id: files, ${source}, every: 1d, stores: [blob] }`, {
      stores: `{ blob: ${azureYaml(azurite, container)} }`,
      recovery: [recipient.trim()],
    });
    await shell(old, 'lowtide keys new; lowtide backup files');
    rmSync(old, { recursive: true });
    const STORE = `azure://${container}/db1`;
    const { stdout } = await shell(host, `lowtide --json init --recover "$STORE" --identity ${KEY}`, {
      AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString,
      STORE,
    });
    expect(JSON.parse(stdout)).toMatchObject({ instance: 'test', good: 1, damaged: 0, problems: [] });
    await shell(host, 'lowtide restore "$(lowtide --json backups | jq -r .[0].id)" --to ./restored');
    expect(readFileSync(join(host, 'restored', 'data'), 'utf8')).toBe('tide\n');
  }, 120_000);
});
