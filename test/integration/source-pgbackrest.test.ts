import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { runAsServerUser } from '../servers/daemon.ts';
import { TestInstallation } from '../servers/installation.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres.ts';

/** The server's user is who pgBackRest runs as, or else the tests' own. */
const user = process.getuid?.() === 0 ? ', user: nobody' : '';

let server: PostgresServer;
let configFile: string;
let repository: string;
let repositories = 0;
beforeAll(async () => {
  const archive = (folder: string): string =>
    `pgbackrest --config=${folder}/pgbackrest.conf --stanza=main archive-push %p`;
  server = await startPostgres((folder) => ({ archive_mode: 'on', archive_command: archive(folder) }));
  configFile = join(server.socketFolder, 'pgbackrest.conf');
});
/** A test has a repository without a backup. */
beforeEach(() => {
  const folder = server.socketFolder;
  repository = join(folder, `repo-${(repositories += 1)}`);
  const lines = [
    '[global]',
    ...[
      `repo1-path=${repository}`,
      'repo1-retention-full=1',
      'start-fast=y',
      'compress-type=none',
      'repo1-bundle=y',
    ],
    ...['log-level-file=off', `log-path=${folder}`, `lock-path=${folder}/lock`, `spool-path=${folder}/spool`],
    ...['archive-timeout=20'],
    '[main]',
    ...[
      `pg1-path=${folder}/data`,
      `pg1-socket-path=${folder}`,
      `pg1-port=${server.port}`,
      'pg1-user=postgres',
    ],
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  pgbackrest('stanza-create');
});
afterAll(async () => await server[Symbol.asyncDispose]());

let at: TestInstallation;
afterEach(async () => await at[Symbol.asyncDispose]());

function pgbackrest(...args: readonly string[]): void {
  runAsServerUser(['pgbackrest', `--config=${configFile}`, '--stanza=main', ...args], {
    PGPASSWORD: server.password,
  });
}

function schedule({ id = 'pg', stanza = 'main', source = '', rest = '' } = {}): string {
  const env = `env: { PGPASSWORD: ${JSON.stringify(server.password)} }`;
  const what = `{ type: pgbackrest, stanza: ${stanza}, config: ${configFile}, ${env}${user}${source} }`;
  return `  - { id: ${id}, source: ${what}, every: 1d, run: { nice: 0, pause: false }${rest} }`;
}

async function install({ source = '', rest = '', more = '' } = {}): Promise<void> {
  at = await TestInstallation.make(`${schedule({ source, rest })}${more}`);
}

function snapshotOf({ manifest }: Backup): string {
  if ('parts' in manifest) throw new Error('this backup lies in stores');
  return manifest.snapshot.id;
}

describe('a stanza of pgBackRest', () => {
  it('gets a full backup, and then what has changed; pgBackRest restores, and finds what is damaged', async () => {
    await install();
    server.query('DROP TABLE IF EXISTS tides');
    server.query('CREATE TABLE tides AS SELECT generate_series(1, 50000) AS n');
    const full = await at.completed('pg');
    expect(full).toMatchObject({ type: 'database', keyId: '', copies: [] });
    expect(full.manifest.source).toEqual({ type: 'pgbackrest', label: 'stanza main' });
    expect(await at.opened.catalog.proofs()).toMatchObject([{ verifiedAt: expect.any(Number) as number }]);

    server.query('INSERT INTO tides VALUES (0)');
    const seen: (number | undefined)[] = [];
    const { run } = await at.backUp('pg', { onProgress: (_bytes, expected) => seen.push(expected) });
    const incr = await at.backupOf(run);
    expect(seen.at(-1)).toBe(full.sizeBytes);
    expect(snapshotOf(incr)).toMatch(/^[0-9-]+F_[0-9-]+I$/);
    expect(incr.sizeBytes).toBeGreaterThan(full.sizeBytes / 2);
    expect(incr.storedBytes).toBeLessThan(full.storedBytes / 2);
    const signal = new AbortController().signal;
    await expect(at.opened.jobs.restore(incr, '/srv/none', { signal, force: false })).rejects.toMatchObject({
      code: 'tool_owned',
      hint: `pgbackrest restores it: pgbackrest --stanza=main --config=${configFile} --set=${snapshotOf(incr)} restore`,
    });

    // One byte: the first of the files that lie behind each other there may be three bytes long.
    const path = join(repository, 'backup/main', snapshotOf(full), 'bundle/1');
    const bundle = readFileSync(path);
    bundle.writeUInt8(bundle.readUInt8(0) ^ 1, 0);
    writeFileSync(path, bundle);
    const { copies } = await at.opened.jobs.verify(incr, { signal });
    expect(copies).toMatchObject([
      { store: 'pgbackrest', status: 'failed', error: { code: 'verification_failed' } },
    ]);
    expect(copies[0]?.error?.message).toContain('checksum invalid: 1');
    expect((await at.opened.catalog.backup(full.id))?.snapshot?.status).toBe('damaged');
  });

  it('survives a run that is cancelled, gets a full backup when that is old, and forgets by rules of its own', async () => {
    await install({ source: ', full_every: 1s', rest: ', verify: { after_backup: false }' });
    // How far one has come is told by what the one before had.
    await at.completed('pg');
    const control = new AbortController();
    const { run: cancelled } = await at.backUp('pg', {
      signal: control.signal,
      onProgress: () => control.abort(new LowtideError('cancelled', 'enough')),
    });
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    const first = await at.completed('pg');
    const { run, pruned } = await at.backUp('pg');
    expect(snapshotOf(await at.backupOf(run))).toMatch(/^[0-9-]+F$/);
    expect(pruned).toMatchObject({ removed: 1, problems: [] });
    expect(await at.opened.catalog.backup(first.id)).toMatchObject({ status: 'pruned' });
  });

  it('is left alone where it is stopped or not there, and each has its remedy', async () => {
    await install({ more: `\n${schedule({ id: 'lost', stanza: 'nowhere' })}` });
    expect((await at.backUp('lost')).run.error).toMatchObject({ code: 'repository_missing' });
    pgbackrest('stop');
    const { run } = await at.backUp('pg').finally(() => pgbackrest('start'));
    expect(run.error).toMatchObject({
      code: 'repository_locked',
      hint: expect.stringContaining('pgbackrest start') as string,
    });
    expect(JSON.stringify(run)).not.toContain(server.password);
  });
});
