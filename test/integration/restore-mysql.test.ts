import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { mysqlSource } from '../../exporter/src/source/mysql.ts';
import { TestInstallation } from '../conformance/sealed-backup.ts';
import { startMariadb, type MariadbServer } from '../servers/mariadb.ts';
import { commandLines } from '../servers/processes.ts';

const patience = { timeout: 120_000, interval: 20 };

let server: MariadbServer;
let lowtide: TestInstallation;
let backup: Backup;

beforeAll(async () => {
  lowtide = await TestInstallation.open();
  server = await startMariadb();
  server.query('CREATE DATABASE shop; SET GLOBAL log_bin_trust_function_creators = 1;');
  server.query(
    `CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(100), photo BLOB) ENGINE=InnoDB;
     INSERT INTO customers SELECT seq, CONCAT('Zoë \\t\\r\\n', CHAR(0), seq), UNHEX(MD5(seq)) FROM seq_1_to_2000;
     CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, total DECIMAL(12, 2),
       FOREIGN KEY (customer) REFERENCES customers (id)) ENGINE=InnoDB;
     INSERT INTO orders (customer, total) SELECT 1 + seq % 2000, seq / 7 FROM seq_1_to_5000;
     CREATE TABLE log (text VARCHAR(200));
     CREATE VIEW rich AS SELECT name, SUM(total) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name;
     CREATE SEQUENCE numbers START WITH 42;
     DELIMITER ;;
     CREATE TRIGGER noted AFTER INSERT ON orders FOR EACH ROW BEGIN\r\n  INSERT INTO log VALUES (CONCAT('order ', NEW.id));\r\nEND;;
     CREATE PROCEDURE clear_log() BEGIN DELETE FROM log; END;;
     CREATE FUNCTION doubled(n INT) RETURNS INT DETERMINISTIC RETURN 2 * n;;
     CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log;;
     DELIMITER ;`,
    'shop',
  );
  backup = await lowtide.backUp(mysqlSource({ url: server.url('shop') }));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await lowtide[Symbol.asyncDispose]();
});

let made = 0;
let name: string;
beforeEach(() => {
  name = `target_${(made += 1)}`;
  server.query(`CREATE DATABASE ${name}`);
});

/** Every row, and everything else by its definition. */
function contentOf(database: string): string {
  return server.query(
    `SELECT id, HEX(name), HEX(photo) FROM customers ORDER BY id; SELECT * FROM orders ORDER BY id;
     SELECT HEX(name), total FROM rich ORDER BY 1; SELECT doubled(21); SELECT NEXT VALUE FOR numbers > 41;
     SHOW CREATE TABLE orders; SELECT HEX(action_statement) FROM information_schema.triggers WHERE trigger_schema = DATABASE();
     SELECT routine_name, HEX(routine_definition) FROM information_schema.routines WHERE routine_schema = DATABASE() ORDER BY 1;
     SELECT event_name, event_definition FROM information_schema.events WHERE event_schema = DATABASE();`,
    database,
  );
}

const oldContent = `
  CREATE TABLE customers (id INT PRIMARY KEY, old TEXT); INSERT INTO customers VALUES (1, 'precious');
  CREATE TABLE child (id INT PRIMARY KEY REFERENCES customers (id)); INSERT INTO child VALUES (1);
  CREATE VIEW mine AS SELECT * FROM customers; CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 7;
  CREATE TABLE \`odd \`\`name\` (n INT); CREATE SEQUENCE s;`;

function expectOld(): void {
  expect(
    server.query('SELECT * FROM mine; SELECT * FROM child; SELECT f(); SELECT * FROM `odd ``name`', name),
  ).toBe('1\tprecious\n1\n7');
  expect(server.query('SHOW TABLES', name).split('\n').sort()).toEqual([
    'child',
    'customers',
    'mine',
    'odd `name',
    's',
  ]);
}

const safetyFiles = (): readonly string[] => readdirSync(lowtide.safetyFolder);

const refusal = (code: string, message: RegExp, hint = /./): unknown =>
  expect.toSatisfy(
    (error) =>
      error instanceof LowtideError &&
      error.code === code &&
      message.test(error.message) &&
      hint.test(error.hint ?? ''),
    `${code} ${message.source} ${hint.source}`,
  );

describe('a MariaDB database', () => {
  it('comes back in a second one: rows, views, triggers, routines, events, sequences; no password shows', async () => {
    const seen = new Set<string>();
    const watch = setInterval(() => commandLines().forEach((line) => seen.add(line)), 5);
    const result = await lowtide.restore(backup, server.url(name));
    clearInterval(watch);
    expect(result).toMatchObject({ restored: [`mysql://127.0.0.1:${server.port}/${name}`], warnings: [] });
    expect(contentOf(name)).toBe(contentOf('shop'));
    expect([...seen].some((line) => line.startsWith('mariadb --defaults-file='))).toBe(true);
    expect([...seen].some((line) => line.includes(server.password))).toBe(false);
  });

  it('is not restored over another one', async () => {
    server.query(oldContent, name);
    await expect(lowtide.restore(backup, server.url(name))).rejects.toEqual(
      refusal('restore_target_exists', /is not empty: it has /, /--force/),
    );
    expectOld();
  });

  it('takes the place of everything in an old one when forced to, and leaves no safety file', async () => {
    server.query(oldContent, name);
    await lowtide.restore(backup, server.url(name), { force: true });
    expect(contentOf(name)).toBe(contentOf('shop'));
    expect(server.query("SHOW TABLES LIKE 'child'", name)).toBe('');
    expect(safetyFiles()).toEqual([]);
  });

  it('stays as it was when the copy is damaged, before anything was dumped', async () => {
    server.query(oldContent, name);
    const path = lowtide.pathOf(backup);
    const sound = readFileSync(path);
    truncateSync(path, sound.length - 1);
    try {
      await expect(lowtide.restore(backup, server.url(name), { force: true })).rejects.toEqual(
        refusal('verification_failed', /was cut/),
      );
    } finally {
      writeFileSync(path, sound);
    }
    await lowtide.verify(backup);
    expectOld();
  });

  it('gets its old content back when the load fails half way, and an empty one is emptied again', async () => {
    // May do all there is to do in the database, but not make what belongs to somebody else.
    server.query(
      `CREATE USER clerk_${name} IDENTIFIED BY 'clerk-secret'; GRANT ALL ON ${name}.* TO clerk_${name}`,
    );
    const url = server.url(name, { user: `clerk_${name}`, password: 'clerk-secret' });
    await expect(lowtide.restore(backup, url)).rejects.toEqual(
      refusal('restore_failed', /ERROR 1227/, /DEFINER/),
    );
    expect(
      server.query(
        'SHOW TABLES; SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()',
        name,
      ),
    ).toBe('');

    server.query("CREATE TABLE customers (old TEXT); INSERT INTO customers VALUES ('precious')", name);
    await expect(lowtide.restore(backup, url, { force: true })).rejects.toEqual(
      refusal('restore_failed', /ERROR 1227/),
    );
    expect(server.query('SHOW TABLES; SELECT * FROM customers', name)).toBe('customers\nprecious');
    expect(safetyFiles()).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('is not touched when there is no room for the safety file', async () => {
    server.query(oldContent, name);
    const safetyFolder = lowtide.newFolder('small-disk');
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', safetyFolder]);
    try {
      await expect(lowtide.restore(backup, server.url(name), { force: true, safetyFolder })).rejects.toEqual(
        refusal(
          'restore_failed',
          /^nothing was changed, as the old content could not be dumped: .*(space|errno 28)/,
        ),
      );
      expect(readdirSync(safetyFolder)).toEqual([]);
    } finally {
      spawnSync('umount', [safetyFolder]);
    }
    expectOld();
  });

  it('is not touched while somebody uses one of its tables', async () => {
    server.query(oldContent, name);
    const sessions = (): string => server.query('SHOW FULL PROCESSLIST');
    holdTable();
    const holder = await vi.waitUntil(() => /^(\d+).*SLEEP\(60\)/m.exec(sessions())?.[1], patience);
    const stop = new AbortController();
    const reason = new LowtideError('cancelled', 'enough');
    const restored = lowtide.restore(backup, server.url(name), { force: true, signal: stop.signal });
    restored.catch(() => undefined);
    await vi.waitUntil(() => sessions().includes('Waiting for table metadata lock'), patience);
    stop.abort(reason);
    await expect(restored).rejects.toBe(reason);
    server.query(`KILL ${holder}`);
    expectOld();
    expect(safetyFiles()).toEqual([]);
  });

  it('has to exist and to let us in', async () => {
    await expect(lowtide.restore(backup, server.url('no-such'))).rejects.toEqual(
      refusal('restore_failed', /ERROR 1049/, /CREATE DATABASE `no-such`/),
    );
    await expect(lowtide.restore(backup, server.url(name, { password: 'wrong-secret' }))).rejects.toEqual(
      refusal('restore_failed', /ERROR 1045/, /user and the password/),
    );
    await expect(lowtide.restore(backup, `mysql://127.0.0.1:1/${name}`)).rejects.toEqual(
      refusal('restore_failed', /ERROR 2002/, /host and port/),
    );
    await expect(lowtide.restore(backup, `${server.url(name)}?ssl-mode=required`)).rejects.toEqual(
      refusal('restore_failed', /offers no TLS|ERROR 2026/),
    );
    await expect(lowtide.restore(backup, 'postgres://127.0.0.1/x')).rejects.toEqual(
      refusal('usage', /MySQL/),
    );
  });

  it('comes back as a file as well', async () => {
    const target = join(mkdtempSync(join(lowtide.folder, 'files-')), 'shop.sql');
    await lowtide.restore(backup, target);
    expect(readFileSync(target, 'utf8')).toMatch(/-- Dump completed on [^\n]+\n$/);
  });
});

describe('a MariaDB database whose load is torn', () => {
  let large: Backup;
  beforeAll(async () => {
    server.query('CREATE OR REPLACE DATABASE large');
    server.query(
      `CREATE TABLE aaa (n INT); INSERT INTO aaa VALUES (1);
       CREATE TABLE noise (n INT PRIMARY KEY, a CHAR(128), b CHAR(128)) ENGINE=InnoDB;
       INSERT INTO noise SELECT seq, SHA2(seq, 512), SHA2(-seq, 512) FROM seq_1_to_60000;`,
      'large',
    );
    large = await lowtide.backUp(mysqlSource({ url: server.url('large') }));
  });

  /** Resolves with the connection that loads, once it is at it: while this asks, nothing is sent to it. */
  const loading = async (): Promise<string> => {
    const begun = `SELECT 1 FROM information_schema.tables WHERE table_schema = '${name}' AND table_name = 'noise'`;
    const loader = `SELECT id FROM information_schema.processlist WHERE db = '${name}' AND EXISTS (${begun})`;
    return await vi.waitUntil(() => server.query(loader).trim(), patience);
  };

  it('gets its old content back when the connection is lost', async () => {
    server.query(oldContent, name);
    const torn = lowtide.restore(large, server.url(name), { force: true });
    torn.catch(() => undefined);
    server.query(`KILL ${await loading()}`);
    await expect(torn).rejects.toEqual(
      refusal('restore_failed', /ERROR 2013|ERROR 1927|ERROR 1317|ERROR 2006/),
    );
    expectOld();
    expect(safetyFiles()).toEqual([]);
  });

  it('gets its old content back when the restore is stopped', async () => {
    server.query(oldContent, name);
    const stop = new AbortController();
    const reason = new LowtideError('cancelled', 'enough');
    const torn = lowtide.restore(large, server.url(name), { force: true, signal: stop.signal });
    torn.catch(() => undefined);
    await loading();
    stop.abort(reason);
    await expect(torn).rejects.toBe(reason);
    expectOld();
    expect(safetyFiles()).toEqual([]);
  });

  it('keeps its old content in a private file when the server is gone, and says where', async () => {
    server.query(oldContent, name);
    const torn = lowtide.restore(large, server.url(name), { force: true });
    torn.catch(() => undefined);
    await loading();
    await server.crash();
    try {
      const error = (await torn.catch((thrown: unknown) => thrown)) as LowtideError;
      const [file = ''] = safetyFiles();
      const path = join(lowtide.safetyFolder, file);
      expect(error).toEqual(refusal('restore_failed', /could not be put back .*; it is in /));
      expect(error.message).toContain(path);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const sql = readFileSync(path, 'utf8');
      expect(sql).toContain('precious');
      expect(sql).toMatch(/-- Dump completed/);
    } finally {
      rmSync(lowtide.safetyFolder, { recursive: true, force: true });
      await server.restart();
    }
  });
});

/** A session of somebody else that has looked into a table, and keeps its transaction open until it is killed. */
function holdTable(): void {
  const client = spawn('mariadb', ['--no-defaults', '--user=admin', `--database=${name}`], {
    env: { PATH: process.env['PATH'], MYSQL_UNIX_PORT: server.socket, MYSQL_PWD: server.password },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  client.stdin.end('START TRANSACTION; SELECT * FROM `odd ``name`; DO SLEEP(60);');
}
