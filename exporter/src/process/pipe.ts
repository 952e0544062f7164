import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from './child.ts';

/**
 * A kernel pipe between two children, or between a child and a worker thread. Node has no pipe(2) of its own, and the
 * sockets it gives a child as standard streams cannot be read by a blocking read, so a FIFO is made, opened at both
 * ends and unlinked. Each end is closed once: by `closeRead`/`closeWrite` after a child inherited it, or by whoever
 * was given the descriptor (`takeRead`).
 */
export class Pipe implements Disposable {
  #readFd: number | undefined;
  #writeFd: number | undefined;

  private constructor(readFd: number, writeFd: number) {
    this.#readFd = readFd;
    this.#writeFd = writeFd;
  }

  /** Opens `count` pipes, by way of FIFOs that exist in `folder` for a moment. */
  static async open(folder: string, count: number): Promise<Pipe[]> {
    const paths = Array.from({ length: count }, () => join(folder, `pipe-${randomUUID()}`));
    const end = await runChild({ argv: ['mkfifo', '-m', '600', ...paths] });
    if (end.exitCode !== 0) throw new LowtideError('internal', describeEnd(end));
    return paths.map((path) => {
      // A non-blocking reader lets the writer open at once; the reader proper is opened again so that its reads block.
      const holder = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writeFd = openSync(path, constants.O_WRONLY);
      const readFd = openSync(path, constants.O_RDONLY);
      closeSync(holder);
      rmSync(path);
      return new Pipe(readFd, writeFd);
    });
  }

  get readFd(): number {
    return given(this.#readFd);
  }

  get writeFd(): number {
    return given(this.#writeFd);
  }

  /** Hands the reading end over to somebody who will close it. */
  takeRead(): number {
    const fd = this.readFd;
    this.#readFd = undefined;
    return fd;
  }

  /** Hands the writing end over to somebody who will close it. */
  takeWrite(): number {
    const fd = this.writeFd;
    this.#writeFd = undefined;
    return fd;
  }

  closeRead(): void {
    if (this.#readFd !== undefined) closeSync(this.takeRead());
  }

  closeWrite(): void {
    if (this.#writeFd !== undefined) closeSync(this.takeWrite());
  }

  [Symbol.dispose](): void {
    this.closeRead();
    this.closeWrite();
  }
}

function given(fd: number | undefined): number {
  if (fd === undefined)
    throw new LowtideError('internal', 'this end of the pipe was closed or handed over before');
  return fd;
}
