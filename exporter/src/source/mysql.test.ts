import { describe, expect, it } from 'vitest';
import { dumpCommand, flavorOf } from './mysql.ts';

describe('the command that dumps', () => {
  it.each<[version: string, flavor: string, special: readonly string[]]>([
    ['mariadb-dump  Ver 10.19 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)', 'mariadb', []],
    ['mariadb-dump from 11.4.2-MariaDB, client 10.19 for debian-linux-gnu (x86_64)', 'mariadb', []],
    ['mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)', 'mysql', ['--set-gtid-purged=OFF']],
    [
      'mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)',
      'mysql',
      ['--set-gtid-purged=OFF', '--column-statistics=0'],
    ],
    [
      'mysqldump  Ver 9.1.0 for Linux on x86_64 (MySQL Community Server - GPL)',
      'mysql',
      ['--set-gtid-purged=OFF', '--column-statistics=0'],
    ],
  ])('has only options that its program knows: %s', (version, flavor, special) => {
    expect(flavorOf(version)).toBe(flavor);
    const { argv } = dumpCommand({ program: 'mysqldump', version }, '/scratch/client.cnf', 'app');
    const onlyMysql = argv.filter((arg) => /gtid|statistics/.test(arg));
    expect(onlyMysql).toEqual(special);
  });

  it('names the option file first, as the programs demand, and the database last, behind the options', () => {
    const { argv } = dumpCommand({ program: 'mariadb-dump', version: 'MariaDB' }, '/s/client.cnf', '-x');
    expect(argv.slice(0, 2)).toEqual(['mariadb-dump', '--defaults-file=/s/client.cnf']);
    expect(argv.slice(-2)).toEqual(['--', '-x']);
  });
});
