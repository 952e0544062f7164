import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The clock on the wall of processes that are given `env`, which is set while they run (libfaketime). What counts the time since
 * the host was started goes on as it is.
 */
export class WallClock {
  readonly env: NodeJS.ProcessEnv;
  readonly #file: string;

  /** `folder`: where it is kept. */
  constructor(folder: string, shows: string) {
    this.#file = join(folder, 'wall-clock');
    const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
    this.env = {
      ...process.env,
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Else it is noticed after ten seconds that it was set.
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    this.set(shows);
  }

  /** From now on it shows this time, as in `2026-03-10T11:00:00Z`, and goes on from there. */
  set(shows: string): void {
    const seconds = (Date.parse(shows) - Date.now()) / 1000;
    const file = `${this.#file}.new`;
    writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`);
    // Whole at every moment: it is read again and again.
    renameSync(file, this.#file);
  }
}
