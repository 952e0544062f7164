import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { program } from '../servers/programs.ts';

/** A program under `test/crash/` as a process of its own, whose lines can be awaited and which can be killed. */
export class TestChild implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #exit: Promise<unknown>;
  #waiters: { readonly enough: () => boolean; readonly resolve: () => void }[] = [];

  /** `before` is an argv put in front, such as `unshare`. */
  constructor(name: string, args: readonly string[], before: readonly string[] = []) {
    const path = program(`test/crash/${name}`);
    const [command = process.execPath, ...rest] = [...before, process.execPath, path, ...args];
    this.#process = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    const reader = createInterface({ input: this.#process.stdout });
    reader.on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.#exit = Promise.all([once(this.#process, 'exit'), once(reader, 'close')]).then(() => this.#wake());
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Resolves once the child has written `count` lines, or ended. */
  async written(count: number): Promise<void> {
    const enough = (): boolean =>
      this.lines.length >= count || this.#process.exitCode !== null || this.#process.signalCode !== null;
    if (enough()) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ enough, resolve });
    });
  }

  /** Gives it a line to read. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The exit code once it has ended by itself; null where a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#exit;
    return this.#process.exitCode;
  }

  /** Ends its input, on which it stops by itself; resolves with its exit code. */
  async end(): Promise<number | null> {
    this.#process.stdin.end();
    return this.ended();
  }

  /** `kill -9`, and waits until it is gone and all it wrote has been read. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.enough()) return true;
      waiter.resolve();
      return false;
    });
  }
}
