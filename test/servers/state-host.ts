import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { writeConfig } from './installation.ts';
import { program } from './programs.ts';
import { tokens } from './service.ts';

const main = program('exporter/src/cli/main.ts');

/** A host on the command line whose state is moved: in the folder `state`, in another one, or at `STATE_URL`. */
export class StateHost {
  readonly folder: string;
  readonly instance: string;
  readonly env: NodeJS.ProcessEnv;

  /** `catalog`: the file that it begins with. */
  constructor(root: string, instance: string, url: string, catalog?: string) {
    this.folder = join(root, instance);
    this.instance = instance;
    this.env = { ...process.env, STATE_URL: url };
    this.keepIn('./state');
    if (catalog === undefined) return;
    mkdirSync(join(this.folder, 'state'));
    copyFileSync(catalog, join(this.folder, 'state', 'catalog.db'));
  }

  /** Writes the config, with this as its `state`. */
  keepIn(state: string): void {
    const source = 'source: { type: command, argv: [echo, hello] }, stores: [local]';
    const schedules = `  - { id: docs, ${source}, every: 1d }
  - { id: tick, ${source}, every: 10s, max_delay: 1s }`;
    writeConfig(this.folder, schedules, { instance: this.instance, state, more: tokens });
  }

  lowtide(...args: string[]): {
    readonly code: number | null;
    readonly out: string;
    readonly said: string;
  } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: this.env,
      encoding: 'utf8',
    });
    return { code: status, out: stdout, said: stderr };
  }

  json(...args: string[]): unknown {
    return JSON.parse(this.lowtide(...args, '--json').out);
  }

  begin(...args: string[]): StateProcess {
    return new StateProcess(
      spawn(process.execPath, [main, ...args], {
        cwd: this.folder,
        env: this.env,
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  }

  /** Every row of every table of the catalog in a folder, and what makes and counts them. */
  dump(folder = 'state'): unknown {
    return dumpOf(join(this.folder, folder, 'catalog.db'));
  }

  forget(folder: string): void {
    rmSync(join(this.folder, folder), { recursive: true, force: true });
  }
}

/** A command that goes on, and may be killed. */
class StateProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #out = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
    this.#exit = once(child, 'close');
  }

  /** What it has answered, once it has ended. */
  async answer(): Promise<string> {
    await this.#exit;
    return this.#out;
  }

  /** Fails where it has ended by itself: a kill would have come too late. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
    if (this.#child.signalCode !== 'SIGKILL') throw new Error('it had ended before');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }
}

function dumpOf(path: string): unknown {
  using database = new DatabaseSync(path, { readOnly: true });
  const schema = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all();
  const tables = schema.filter(({ type }) => type === 'table').map(({ name }) => String(name));
  return {
    schema,
    rows: Object.fromEntries(
      tables.map((table) => [
        table,
        database
          .prepare(`SELECT * FROM ${table}`)
          .all()
          .map((row) => JSON.stringify(row))
          .sort(),
      ]),
    ),
  };
}
