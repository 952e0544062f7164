import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePostgresUrl, postgresEnvironment } from './connection.ts';

const always = { PGAPPNAME: 'lowtide', PGCONNECT_TIMEOUT: '15' };

describe('a PostgreSQL URL', () => {
  it.each<[url: string, label: string, env: Record<string, string>]>([
    [
      'postgres://me:pw@db1:5433/app',
      'postgres://db1:5433/app',
      { PGHOST: 'db1', PGPORT: '5433', PGUSER: 'me', PGDATABASE: 'app' },
    ],
    ['postgres://db1/app', 'postgres://db1:5432/app', { PGHOST: 'db1', PGDATABASE: 'app' }],
    ['postgres://[::1]/app', 'postgres://[::1]:5432/app', { PGHOST: '::1', PGDATABASE: 'app' }],
    ['postgres://a,b:2/app', 'postgres://a:5432,b:2/app', { PGHOST: 'a,b', PGPORT: ',2', PGDATABASE: 'app' }],
    ['postgres:///app', 'postgres:///app', { PGDATABASE: 'app' }],
    [
      'postgres:///app?host=/run/postgresql&port=5433',
      'postgres:///app?host=/run/postgresql',
      { PGHOST: '/run/postgresql', PGPORT: '5433', PGDATABASE: 'app' },
    ],
    [
      'postgres://%2Frun%2Fpostgresql/app',
      'postgres:///app?host=/run/postgresql',
      { PGHOST: '/run/postgresql', PGDATABASE: 'app' },
    ],
    [
      'postgres://ignored/app?host=db2&port=77',
      'postgres://db2:77/app',
      { PGHOST: 'db2', PGPORT: '77', PGDATABASE: 'app' },
    ],
    [
      'postgres://db1/a%20b?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&application_name=x',
      'postgres://db1:5432/a%20b',
      {
        PGHOST: 'db1',
        PGDATABASE: 'a b',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: '/ca.pem',
        PGCONNECT_TIMEOUT: '3',
        PGAPPNAME: 'x',
      },
    ],
    [
      'postgres://db1/app?ssl=true',
      'postgres://db1:5432/app',
      { PGHOST: 'db1', PGDATABASE: 'app', PGSSLMODE: 'require' },
    ],
  ])('becomes variables of libpq and a label: %s', (url, label, env) => {
    const connection = parsePostgresUrl(url);
    expect(connection.label).toBe(label);
    expect(connection.env).toEqual({ ...always, ...env });
  });

  it('takes the password from where the URL has it, and shows it nowhere', () => {
    for (const url of ['postgres://me:hush@db1/app', 'postgres://me@db1/app?password=hush']) {
      const connection = parsePostgresUrl(url);
      expect(connection.password).toBe('hush');
      expect(JSON.stringify([connection.env, connection.label])).not.toContain('hush');
    }
  });

  it.each([
    ['postgres://me:hush@db1', /names no database/],
    ['postgres://me:hush@db1/app?schema=public', /no variable for: schema/],
    ['postgres://me:hush@db1/app?constructor=x', /no variable for: constructor/],
  ])('is refused: %s', (url, message) => {
    expect(() => parsePostgresUrl(url)).toThrow(message);
    expect(() => parsePostgresUrl(url)).not.toThrow(/hush/);
  });
});

describe('the environment of PostgreSQL’s programs', () => {
  let scratch: string;
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
  });
  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  it('names a password file for the owner alone, with \\ and : escaped', async () => {
    const connection = parsePostgresUrl('postgres://me:a%3Ab%5Cc@db1/app');
    const env = await postgresEnvironment(connection, scratch);
    const file = env['PGPASSFILE'] ?? '';
    expect(readFileSync(file, 'utf8')).toBe('*:*:*:*:a\\:b\\\\c\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('leaves the search for a password to libpq where the URL has none', async () => {
    const env = await postgresEnvironment(parsePostgresUrl('postgres://db1/app'), scratch);
    expect(env).not.toHaveProperty('PGPASSFILE');
  });
});
