import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { vi } from 'vitest';
import { program } from './programs.ts';
import { admin, type Answer, type CallOptions } from './service.ts';

const main = program('exporter/src/cli/main.ts');

const quick = program('test/servers/quick-serve.ts');
const command = [main, 'serve', '--web.listen-address', '127.0.0.1:0', '--log.format', 'json'];

/** `lowtide serve` as a process of its own, on a port that is free: for signals, and for a kill. */
export class ServeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
  #log = '';

  private constructor(folder: string, argv: readonly string[], env = process.env) {
    this.#child = spawn(process.execPath, argv, { cwd: folder, env });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    }
    this.#exit = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** Does not wait until it is up. */
  static begin(folder: string, ...args: string[]): ServeProcess {
    return new ServeProcess(folder, [...command, ...args]);
  }

  /** The same in an environment of its own. */
  static beginIn(folder: string, env: NodeJS.ProcessEnv): ServeProcess {
    return new ServeProcess(folder, command, env);
  }

  /** Resolves once it is up. */
  static async start(folder: string, ...args: string[]): Promise<ServeProcess> {
    return await ServeProcess.begin(folder, ...args).#up();
  }

  /** The same in an environment of its own. */
  static async startIn(folder: string, env: NodeJS.ProcessEnv): Promise<ServeProcess> {
    return await ServeProcess.beginIn(folder, env).#up();
  }

  /** One that the hosts which share its state hear of twice a second. */
  static async startQuick(folder: string, env = process.env): Promise<ServeProcess> {
    return await new ServeProcess(folder, [quick], env).#up();
  }

  async #up(): Promise<this> {
    await Promise.race([this.said('lowtide is up'), this.#exit]);
    if (!this.log.includes('lowtide is up')) throw new Error(`it did not start: ${this.log}`);
    return this;
  }

  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get address(): string {
    return /"address":"([^"]+)"/.exec(this.#log)?.[1] ?? '';
  }

  async said(text: string): Promise<void> {
    await vi.waitUntil(() => this.#log.includes(text), { timeout: 120_000 });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** How it has ended: its exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const [code, signal] = await this.#exit;
    return code ?? signal;
  }

  async call(
    path: string,
    { token = admin, method = 'GET', body, headers = {} }: CallOptions = {},
  ): Promise<Answer> {
    const response = await fetch(`http://${this.address}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const parsed = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  async post(path: string, more: CallOptions = {}): Promise<Answer> {
    return await this.call(path, { method: 'POST', ...more });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
