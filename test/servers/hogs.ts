import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processesWith } from './processes.ts';

/** Runs until its folder or the tests' process is gone. The shell begins in no time, also with what little it is left. */
const script = `
while [ -d "$HOG" ] && kill -0 "$0"; do
  i=0
  while [ $i -lt 20000 ]; do i=$((i + 1)); done
done`;

/**
 * Keeps every processor of this host busy with whatever others leave of it, until it is disposed: tests beside it hardly notice.
 * These are nobody's children: what Lowtide starts, and here that is this process, does not count among the load of others.
 */
export class Hogs implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lowtide-hogs-'));

  constructor() {
    for (let hog = 0; hog < availableParallelism(); hog += 1) {
      const argv = ['-n', '19', 'setsid', '--fork', '/bin/sh', '-c', script, String(process.pid)];
      spawnSync('nice', argv, { stdio: 'ignore', env: { HOG: this.#folder } });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    while (processesWith(`HOG=${this.#folder}`).length > 0) await delay(20);
  }
}
