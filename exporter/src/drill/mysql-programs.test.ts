import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mysqlPrograms } from './mysql-programs.ts';

const { signal } = new AbortController();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-programs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, version = ''): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
  return path;
}

describe('the programs of a MariaDB or MySQL server', () => {
  it('are those of MariaDB, by its own names or the old ones', async () => {
    const old = program('mysqld', 'mysqld  Ver 10.3.39-MariaDB for Linux on x86_64');
    const oldInstaller = program('mysql_install_db');
    expect(await mysqlPrograms(signal, [folder])).toEqual({ server: old, installer: oldInstaller });
    const server = program('mariadbd', 'mariadbd  Ver 11.8.3-MariaDB for Linux on x86_64');
    const installer = program('mariadb-install-db');
    expect(await mysqlPrograms(signal, ['/nonexistent', folder])).toEqual({ server, installer });
  });

  it('are one of MySQL, which makes an empty server itself', async () => {
    const server = program('mysqld', 'mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)');
    expect(await mysqlPrograms(signal, [folder])).toEqual({ server, installer: undefined });
  });

  it('are missed with a word on what helps', async () => {
    const missed = { code: 'tool_missing', hint: expect.stringContaining('verify.drill_into') as unknown };
    await expect(mysqlPrograms(signal, [folder])).rejects.toMatchObject(missed);
    program('mariadbd', 'mariadbd  Ver 11.8.3-MariaDB for Linux on x86_64');
    await expect(mysqlPrograms(signal, [folder])).rejects.toMatchObject(missed);
  });
});
